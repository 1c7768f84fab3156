"""The disk cache: artifacts by the digest of what they were made from.

One file holds one artifact, and the key that is its name. Files appear whole, by
renaming, and are checked when read, so any number of processes may use a folder at
once. A cache that cannot be used is no error: things are made again each time, and
``problem`` says why. A folder that somebody else can write to is not used, since files
hold code.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from functools import lru_cache

from penstock.ir.errors import ArtifactError
from penstock.ir.record import Record
from penstock.runtime.artifact import SHARED_OBJECT, Artifact, sha256
from penstock.runtime.config import setting
from penstock.runtime.machine import host
from penstock.runtime.support import support_cache_text

__all__ = ["Cache", "CacheEntry", "CacheStatistics", "default_cache", "support_data"]

_SUFFIX = ".pns"
_KEY_LENGTH = 64
_LIMIT = 512 << 20
# The folder is measured once in so many additions of a process, and a first time if
# nobody else has done so lately.
_TRIM_EVERY = 64
_TRIM_SECONDS = 600
_STALE_SECONDS = 3600
_TRIM_MARK = ".trimmed"


class CacheEntry(Record):
    """One file of the cache.

    Args:
        key: its key.
        size: its bytes.
        used: when it was last used, in seconds since the epoch.
    """

    key: str
    size: int
    used: float


class CacheStatistics(Record):
    """What the cache holds, and what this process had of it.

    Args:
        folder: where it is; ``None`` if there is none.
        entries: how many artifacts it holds.
        size: their bytes.
        limit: how many bytes it may hold.
        hits: artifacts that this process found.
        misses: artifacts that it did not find.
        stored: artifacts that it added.
        problem: why the cache cannot be used, or not be added to.
    """

    folder: str | None
    entries: int
    size: int
    limit: int
    hits: int
    misses: int
    stored: int
    problem: str | None


class Cache:
    """Artifacts in a folder.

    Args:
        folder: where; made when the first artifact is added. ``None`` for no cache.
        limit: bytes; beyond that those not used for longest are removed.

    Attributes:
        problem: why the cache cannot be used, or not be added to; ``None`` if it can.
    """

    def __init__(self, folder: str | None, limit: int = _LIMIT) -> None:
        self.folder = folder
        self.limit = limit
        self.problem: str | None = None if folder else "it is switched off"
        self._usable: bool | None = None if folder else False
        self._hits = 0
        self._misses = 0
        self._stored = 0

    def load(self, key: str) -> Artifact | None:
        """The artifact of a key, or ``None``. A damaged or foreign file is removed.

        Args:
            key: 64 hexadecimal digits.
        """
        artifact = self._read(key) if self._is_usable() else None
        if artifact is None:
            self._misses += 1
        else:
            self._hits += 1
        return artifact

    def _read(self, key: str) -> Artifact | None:
        path = self._path(key)
        try:
            with open(path, "rb", buffering=0, opener=_open_at_once) as file:
                status = os.fstat(file.fileno())
                # A pipe has no end that we could wait for; it is as good as damaged.
                is_file = stat.S_ISREG(status.st_mode)
                data = file.read(status.st_size + 1) if is_file else b""
        except OSError:
            return None
        try:
            artifact = Artifact.from_bytes(data, path, key)
        except ArtifactError:
            self._remove(path)
            return None
        if time.time() - status.st_mtime > _STALE_SECONDS:
            try:
                os.utime(path)
            except OSError:
                # A folder that we may only read does not age.
                return artifact
        return artifact

    def store(self, key: str, artifact: Artifact) -> bool:
        """Add an artifact.

        Args:
            key: 64 hexadecimal digits.
            artifact: what to find under it.

        Returns:
            Whether it was added; if not, ``problem`` says why.
        """
        if self.folder is None or not self._is_usable(make=True):
            return False
        temporary = os.path.join(
            self.folder, f".{key[:16]}.{os.getpid()}.{id(artifact)}"
        )
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                with open(descriptor, "wb") as file:
                    file.write(artifact.to_bytes(key))
                os.replace(temporary, self._path(key))
            except OSError:
                self._remove(temporary)
                raise
        except OSError as error:
            self.problem = f"{self.folder}: {error.strerror or error}"
            return False
        self._stored += 1
        self._trim_now_and_then()
        return True

    def _path(self, key: str) -> str:
        if len(key) != _KEY_LENGTH or not set(key) <= set("0123456789abcdef"):
            raise ValueError(f"{key!r} is not the digest of anything")
        assert self.folder is not None
        return os.path.join(self.folder, key + _SUFFIX)

    def _is_usable(self, *, make: bool = False) -> bool:
        if self._usable is None and self.folder is not None:
            try:
                if make:
                    os.makedirs(self.folder, mode=0o700, exist_ok=True)
                status = os.stat(self.folder)
            except FileNotFoundError:
                # Nothing to find yet; a folder may be made later.
                return False
            except OSError as error:
                self.problem = f"{self.folder}: {error.strerror or error}"
                self._usable = False
                return False
            self.problem = _unsafe(self.folder, status)
            self._usable = self.problem is None
        return bool(self._usable)

    @staticmethod
    def _remove(path: str) -> bool:
        try:
            os.unlink(path)
        except OSError:
            return False
        return True

    def _trim_now_and_then(self) -> None:
        assert self.folder is not None
        mark = os.path.join(self.folder, _TRIM_MARK)
        if self._stored % _TRIM_EVERY:
            try:
                if time.time() - os.stat(mark).st_mtime < _TRIM_SECONDS:
                    return
            except OSError:
                # Never trimmed before.
                pass
        try:
            with open(mark, "wb", opener=_open_at_once):
                os.utime(mark)
        except OSError:
            return
        self.trim()

    def trim(self) -> int:
        """Remove what was not used for longest, until the rest is below the limit.

        Returns:
            How many artifacts were removed.
        """
        entries = sorted(self.entries(), key=lambda entry: entry.used)
        excess = sum(entry.size for entry in entries) - self.limit
        removed = 0
        if excess > 0:
            # A little more, so as not to be back here soon.
            excess += self.limit // 10
            for entry in entries:
                if excess <= 0:
                    break
                removed += self._remove(self._path(entry.key))
                excess -= entry.size
        self._remove_remains()
        return removed

    def _remove_remains(self) -> None:
        """Remove what processes that died while writing have left."""
        for entry in self._scan():
            if entry.name.startswith(".") and entry.name != _TRIM_MARK:
                try:
                    age = time.time() - entry.stat().st_mtime
                except OSError:
                    continue
                if age > _STALE_SECONDS:
                    self._remove(entry.path)

    def _scan(self) -> Iterator[os.DirEntry[str]]:
        if self.folder is None:
            return
        try:
            with os.scandir(self.folder) as entries:
                yield from entries
        except OSError:
            return

    def entries(self) -> list[CacheEntry]:
        """All artifacts there are."""
        found = []
        for entry in self._scan():
            key, suffix = os.path.splitext(entry.name)
            if suffix != _SUFFIX or len(key) != _KEY_LENGTH:
                continue
            try:
                status = entry.stat()
            except OSError:
                # Another process has just removed it.
                continue
            found.append(CacheEntry(key, status.st_size, status.st_mtime))
        return found

    def clear(self) -> int:
        """Remove all artifacts.

        Returns:
            How many were removed.
        """
        return sum(self._remove(self._path(entry.key)) for entry in self.entries())

    def statistics(self) -> CacheStatistics:
        """What the cache holds, and what this process had of it."""
        self._is_usable()
        entries = self.entries()
        return CacheStatistics(
            self.folder,
            len(entries),
            sum(entry.size for entry in entries),
            self.limit,
            self._hits,
            self._misses,
            self._stored,
            self.problem,
        )


def _open_at_once(path: str, flags: int) -> int:
    """Open a file; a pipe that has its name is not waited for."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0), 0o600)


def _unsafe(folder: str, status: os.stat_result) -> str | None:
    """Why the code in a folder cannot be trusted, or ``None``."""
    if not hasattr(os, "geteuid"):
        return None
    if status.st_uid not in (os.geteuid(), 0):
        return f"{folder} belongs to another user"
    if status.st_mode & 0o022:
        return f"{folder} can be written to by others"
    return None


def default_cache() -> Cache:
    """The cache that the setting ``cache`` asks for: a folder, or ``off``.

    Otherwise it is the folder ``penstock`` in ``XDG_CACHE_HOME``, or in ``~/.cache``.
    """
    return _cache_at(setting("cache") or "", os.environ.get("XDG_CACHE_HOME", ""))


@lru_cache(maxsize=8)
def _cache_at(wanted: str, shared: str) -> Cache:
    if wanted.lower() in ("off", "0"):
        return Cache(None)
    if wanted:
        return Cache(os.path.abspath(os.path.expanduser(wanted)))
    # The XDG base directory specification has relative paths ignored.
    if not os.path.isabs(shared):
        home = os.path.expanduser("~")
        if not os.path.isabs(home):
            cache = Cache(None)
            cache.problem = "there is no home directory"
            return cache
        shared = os.path.join(home, ".cache")
    return Cache(os.path.join(shared, "penstock"))


def support_data(
    cache: Cache, build: Callable[[], bytes] | None, maker: str = ""
) -> bytes | None:
    """The bytes of the support object, made and added to the cache if need be.

    Args:
        cache: where to look.
        build: makes them; ``None`` where there is no compiler.
        maker: a text that differs where ``build`` makes others of the same layout.
    """
    machine = host()
    key = sha256(f"{support_cache_text(machine)} {maker}".encode()).hex()
    if (found := cache.load(key)) is not None:
        return found.parts[SHARED_OBJECT]
    if build is None:
        return None
    data = build()
    cache.store(key, Artifact("support", machine, parts={SHARED_OBJECT: data}))
    return data
