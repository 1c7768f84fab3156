"""Run the workloads that are named, or all of them, and print a table of each."""

import argparse
import importlib
import os
import pkgutil
import platform

import numpy as np

from benchmarks import workloads


def main() -> None:
    """Parse the command line and print the tables."""
    names = sorted(module.name for module in pkgutil.iter_modules(workloads.__path__))
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(names))
    chosen = parser.parse_args().names or names
    unknown = sorted(set(chosen) - set(names))
    if unknown:
        parser.error(f"no workload {', '.join(unknown)}; there are {', '.join(names)}")

    print(
        f"Python {platform.python_version()}, NumPy {np.__version__}, "
        f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, "
        f"load {os.getloadavg()[0]:.1f}"
    )
    for name in chosen:
        workload = importlib.import_module(f"benchmarks.workloads.{name}")
        print(f"\n{workload.run()}", flush=True)


if __name__ == "__main__":
    main()
