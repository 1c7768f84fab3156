"""Twenty programs: ``function(...)``, and ``arguments(n, rng)`` for it at size n."""
