"""What programs are: the graph, loop and plan representations and the ops.

This package imports NumPy and nothing else of Penstock.
"""
