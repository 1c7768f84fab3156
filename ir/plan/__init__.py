"""The plan level: the host program that allocates and launches Kernels."""
