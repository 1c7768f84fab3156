"""Writing files, all of a file or none of it."""

from __future__ import annotations

import os
import stat

__all__ = ["write_whole"]


def write_whole(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file so that nobody ever sees a part of it.

    Links are followed, and a file that is replaced keeps its permissions. What is no
    file, a device or a pipe, is written to.

    Args:
        path: the file.
        data: what it will hold.

    Raises:
        OSError: it cannot be written; the error names ``path``.
    """
    given = os.fspath(path)
    try:
        _write(os.path.realpath(given), data)
    except OSError as error:
        raise OSError(error.errno, error.strerror, given) from None


def _write(target: str, data: bytes) -> None:
    try:
        mode = os.stat(target).st_mode
    except FileNotFoundError:
        mode = None
    if mode is not None and not stat.S_ISREG(mode):
        with open(target, "wb") as file:
            file.write(data)
        return
    temporary = f"{target}.{os.getpid()}.part"
    try:
        with open(temporary, "wb") as file:
            if mode is not None:
                os.chmod(temporary, stat.S_IMODE(mode))
            file.write(data)
        os.replace(temporary, target)
    except OSError:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise
