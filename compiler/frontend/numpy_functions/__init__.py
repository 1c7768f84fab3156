"""NumPy's functions on traced arrays, written once from the ops.

Each has NumPy's name and parameters (those that it supports), takes anything that
NumPy takes for an array, and returns traced arrays. ``table`` says which NumPy
callable each one stands for.
"""
