"""What Penstock promises about speed, measured: ``python -m benchmarks [names]``.

A workload is one file in ``workloads``, a peer is one file in ``peers``, and a
program for the workload ``sizes`` is one file in ``programs``.
"""
