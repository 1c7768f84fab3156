"""What runs compiled programs: files, loading, calls, threads, caches.

Nothing here needs the compiler: a saved program runs with this folder,
``penstock.ir`` and NumPy alone.
"""
