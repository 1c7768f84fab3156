"""Capture: plain NumPy functions are run once on traced values and become graphs.

``trace`` is the way in. What a traced program sees in place of its own things:

    arrays       ``handles`` (storage and views), with ``indexing``, ``assignment``,
                 ``layout``; ``selection`` for ``x[mask]``
    numbers      ``host_numbers`` and ``host_reals``; ``tracer`` answers what is asked
                 of them, and guards the answers
    NumPy        ``namespace``; ``ufuncs``, ``ufunc_formulas`` and ``numpy_functions``
                 (``numpy_functions.table`` says what stands for what), ``methods``
    its state    ``captured``, with ``functions``, ``builtin_names``, ``containers``,
                 ``objects`` and ``mirrors``

Nothing of NumPy or of the user is changed: other threads see nothing of a trace.
"""
