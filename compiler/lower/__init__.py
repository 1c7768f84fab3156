"""From clusters of a graph to Kernels and the Plan that launches them."""

from penstock.lower.plan import lower_function

__all__ = ["lower_function"]
