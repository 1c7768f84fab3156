"""The CPU backend: LLVM IR text, objects, shared objects.

``emitter`` writes functions of IR text, ``math`` the elementary functions, ``object``
turns text into machine code through llvmlite, and ``link`` turns that into a shared
object. Only ``object`` imports llvmlite.
"""
