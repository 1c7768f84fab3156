"""The loop level: Kernels over Buffers, in SSA form.

Scalar primitives are width-agnostic: a backend widens the body of a ``vector``
loop to its registers, or gives its iterations to threads.
"""
