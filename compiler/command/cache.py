"""Show, trim or clear the folder of compiled code, or print its path.

Anything in it can be removed at any time; it is then compiled again.
"""

from __future__ import annotations

import argparse

EXAMPLE = "penstock cache clear"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument(
        "action",
        nargs="?",
        default="show",
        choices=("show", "path", "trim", "clear"),
        help="show what is in it (default); print its path; remove what is not used "
        "for longest until the rest fits; remove everything",
    )


def run(options: argparse.Namespace) -> int:
    """Do it."""
    from penstock.command.errors import CommandError
    from penstock.runtime.cache import default_cache

    cache = default_cache()
    if cache.folder is None:
        raise CommandError(f"there is no cache: {cache.problem}")
    if options.action == "path":
        print(cache.folder)
    elif options.action == "trim":
        print(f"{cache.trim()} removed")
    elif options.action == "clear":
        print(f"{cache.clear()} removed")
    else:
        found = cache.statistics()
        print(f"folder  {found.folder}")
        print(f"holds   {found.entries} programs, {_size(found.size)}")
        print(f"limit   {_size(found.limit)}")
        if found.problem:
            print(f"problem {found.problem}")
            return 1
    return 0


def _size(count: int) -> str:
    return f"{count / 2**20:.1f} MiB"
