"""Make build/links/penstock: the package as one ordinary folder, out of links.

The installed package is mapped from three folders by setuptools. Tools that read
files instead of importing them (mypy, import-linter, doctest) do not follow that
mapping, so they are run on this tree:

    python tools/link_tree.py && MYPYPATH=build/links mypy -p penstock

It may be run at any time, and by several processes at once.
"""

import os
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def package_folders(root: Path = ROOT) -> dict[str, Path]:
    """Read which folder each mapped package lives in, from pyproject.toml."""
    with open(root / "pyproject.toml", "rb") as file:
        mapping = tomllib.load(file)["tool"]["setuptools"]["package-dir"]
    return {package: root / folder for package, folder in mapping.items()}


def wanted_links(root: Path = ROOT) -> dict[str, Path]:
    """Map each name inside ``build/links/penstock`` to the file or folder it shows."""
    links: dict[str, Path] = {}
    for package, folder in package_folders(root).items():
        if not folder.is_dir():
            continue
        if package == "penstock":
            for entry in folder.iterdir():
                if entry.name != "__pycache__" and not entry.name.startswith("."):
                    links[entry.name] = entry
        else:
            links[package.removeprefix("penstock.")] = folder
    return links


def make_link(link: Path, target: Path) -> None:
    """Point ``link`` at ``target`` by a relative path, replacing what was there."""
    relative = os.path.relpath(target, link.parent)
    if link.is_symlink() and os.readlink(link) == relative:
        return
    # A rename is atomic, so a reader beside us never finds the link missing.
    temporary = link.with_name(f".{link.name}.{os.getpid()}")
    temporary.symlink_to(relative)
    temporary.replace(link)


def make_link_tree(root: Path = ROOT) -> Path:
    """Make or mend the tree, and return the folder to put on the import path."""
    package = root / "build" / "links" / "penstock"
    package.mkdir(parents=True, exist_ok=True)
    wanted = wanted_links(root)
    for name, target in wanted.items():
        make_link(package / name, target)
    for entry in package.iterdir():
        # A name with a leading dot is a link that another process is making.
        if entry.is_symlink() and entry.name[0] != "." and entry.name not in wanted:
            entry.unlink(missing_ok=True)
    return package.parent


if __name__ == "__main__":
    print(make_link_tree())
