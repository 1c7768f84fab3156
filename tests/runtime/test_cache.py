"""The disk cache: shared by processes, never in the way."""

import os
import stat
import subprocess
import sys
import time

import pytest

from penstock.runtime import cache as cache_module
from penstock.runtime.artifact import SHARED_OBJECT, Artifact
from penstock.runtime.cache import Cache, default_cache, support_data
from penstock.runtime.machine import host


def _key(number):
    return f"{number:064x}"


def _artifact(size=100, name="f"):
    return Artifact(name, host(), parts={SHARED_OBJECT: bytes(size)})


@pytest.fixture
def cache(tmp_path):
    return Cache(str(tmp_path / "cache"))


def test_what_is_stored_is_found_again(cache):
    assert cache.load(_key(1)) is None
    assert cache.store(_key(1), _artifact())
    assert cache.load(_key(1)) == _artifact()
    assert cache.load(_key(2)) is None
    found = cache.statistics()
    assert (found.entries, found.hits, found.misses, found.stored) == (1, 1, 2, 1)
    assert found.problem is None
    assert found.size == os.path.getsize(os.path.join(cache.folder, _key(1) + ".pns"))


def test_the_folder_is_private(cache):
    cache.store(_key(1), _artifact())
    assert stat.S_IMODE(os.stat(cache.folder).st_mode) == 0o700


def _flipped(data, place, bits):
    return data[:place] + bytes([data[place] ^ bits]) + data[place + 1 :]


DAMAGES = {
    "empty": lambda data: b"",
    "another": lambda data: b"x",
    "a script": lambda data: b"#!/bin/sh\n",
    "anything": lambda data: bytes(range(256)) * 16,
    "zeros": lambda data: bytes(len(data)),
    "zeros after the mark": lambda data: b"\x89PNSTK\r\n" + bytes(100),
    "a part of the mark": lambda data: data[:7],
    "half": lambda data: data[: len(data) // 2],
    "less": lambda data: data[:-1],
    "more": lambda data: data + b"\0",
    "a bit of the mark": lambda data: _flipped(data, 0, 0x80),
    "a bit in the middle": lambda data: _flipped(data, len(data) // 2, 1),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_dropped_and_made_again(cache, damage):
    cache.store(_key(1), _artifact())
    path = os.path.join(cache.folder, _key(1) + ".pns")
    with open(path, "rb") as file:
        whole = file.read()
    with open(path, "wb") as file:
        file.write(DAMAGES[damage](whole))
    assert cache.load(_key(1)) is None
    assert not os.path.exists(path)
    assert cache.store(_key(1), _artifact())
    assert cache.load(_key(1)) == _artifact()


def test_files_that_changed_places_are_dropped(cache):
    paths = []
    for number in (1, 2):
        cache.store(_key(number), _artifact(name=f"f{number}"))
        paths.append(os.path.join(cache.folder, _key(number) + ".pns"))
    os.rename(paths[0], paths[0] + "x")
    os.rename(paths[1], paths[0])
    os.rename(paths[0] + "x", paths[1])
    assert cache.load(_key(1)) is None
    assert cache.load(_key(2)) is None
    assert not any(map(os.path.exists, paths))


def test_a_saved_program_is_no_file_of_the_cache(cache):
    cache.store(_key(1), _artifact())
    path = os.path.join(cache.folder, _key(1) + ".pns")
    with open(path, "wb") as file:
        file.write(_artifact().to_bytes())
    assert cache.load(_key(1)) is None


def test_a_key_is_a_digest(cache):
    cache.store(_key(1), _artifact())
    for key in ("../../etc/passwd", "a" * 63, "A" * 64, ""):
        with pytest.raises(ValueError, match="not the digest"):
            cache.load(key)


def test_clearing(cache):
    for number in range(5):
        cache.store(_key(number), _artifact())
    with open(os.path.join(cache.folder, "notes.txt"), "w") as file:
        file.write("not ours")
    assert cache.clear() == 5
    assert cache.entries() == []
    assert "notes.txt" in os.listdir(cache.folder)


def test_what_was_not_used_for_longest_goes_first(cache):
    for number in range(10):
        cache.store(_key(number), _artifact(1000))
        path = os.path.join(cache.folder, _key(number) + ".pns")
        os.utime(path, (number, number))
    # Reading an old file makes it young.
    assert cache.load(_key(0)) is not None
    size = cache.entries()[0].size
    cache.limit = 5 * size
    assert cache.trim() >= 5
    kept = {int(entry.key, 16) for entry in cache.entries()}
    assert 0 in kept
    assert 9 in kept
    assert 1 not in kept
    assert len(kept) <= 5


def test_additions_keep_to_the_limit(tmp_path):
    size = len(_artifact(1000).to_bytes())
    cache = Cache(str(tmp_path / "cache"), limit=10 * size)
    for number in range(200):
        cache.store(_key(number), _artifact(1000))
    assert len(cache.entries()) <= 64 + 10


def test_what_a_dead_process_left_is_removed(cache):
    cache.store(_key(1), _artifact())
    remains = os.path.join(cache.folder, ".0123.99.1")
    with open(remains, "wb") as file:
        file.write(b"half")
    cache.trim()
    assert os.path.exists(remains)
    os.utime(remains, (1, 1))
    cache.trim()
    assert not os.path.exists(remains)
    assert len(cache.entries()) == 1


class TestFoldersThatCannotBeUsed:
    def test_a_file_in_its_place(self, tmp_path):
        (tmp_path / "cache").write_text("")
        cache = Cache(str(tmp_path / "cache" / "deeper"))
        assert not cache.store(_key(1), _artifact())
        assert cache.load(_key(1)) is None
        assert "Not a directory" in cache.problem

    def test_a_folder_that_others_can_write_to(self, tmp_path):
        folder = tmp_path / "cache"
        cache = Cache(str(folder))
        cache.store(_key(1), _artifact())
        folder.chmod(0o777)
        again = Cache(str(folder))
        assert again.load(_key(1)) is None
        assert not again.store(_key(2), _artifact())
        assert again.problem == f"{folder} can be written to by others"
        folder.chmod(0o755)
        assert Cache(str(folder)).load(_key(1)) == _artifact()

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
    def test_a_folder_of_another_user(self, tmp_path):
        folder = tmp_path / "cache"
        folder.mkdir(mode=0o755)
        os.chown(folder, 12345, -1)
        cache = Cache(str(folder))
        assert cache.load(_key(1)) is None
        assert cache.problem == f"{folder} belongs to another user"

    def test_a_folder_that_cannot_be_written(self, cache, monkeypatch):
        cache.store(_key(1), _artifact())

        def refuse(*arguments, **options):
            raise PermissionError(13, "Permission denied")

        def read_only(path, flags, mode=0o777, *, real=os.open):
            return refuse() if flags & os.O_WRONLY else real(path, flags, mode)

        again = Cache(cache.folder)
        monkeypatch.setattr(os, "open", read_only)
        monkeypatch.setattr(os, "utime", refuse)
        assert not again.store(_key(2), _artifact())
        assert again.problem == f"{cache.folder}: Permission denied"
        assert again.load(_key(1)) == _artifact()

    def test_a_full_disk(self, cache, monkeypatch):
        def full(*arguments):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "replace", full)
        assert not cache.store(_key(1), _artifact())
        assert "No space left on device" in cache.problem
        monkeypatch.undo()
        assert os.listdir(cache.folder) == []


class TestWhere:
    def test_off(self, monkeypatch):
        monkeypatch.setenv("PENSTOCK_CACHE", "off")
        cache = default_cache()
        assert not cache.store(_key(1), _artifact())
        assert cache.load(_key(1)) is None
        assert cache.entries() == []
        assert cache.problem == "it is switched off"

    def test_named(self, monkeypatch, tmp_path):
        monkeypatch.setenv("PENSTOCK_CACHE", str(tmp_path))
        assert default_cache().folder == str(tmp_path)
        assert default_cache() is default_cache()

    def test_xdg(self, monkeypatch, tmp_path):
        monkeypatch.delenv("PENSTOCK_CACHE", raising=False)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        assert default_cache().folder == str(tmp_path / "penstock")
        monkeypatch.setenv("XDG_CACHE_HOME", "relative")
        monkeypatch.setenv("HOME", "/home/somebody")
        assert default_cache().folder == "/home/somebody/.cache/penstock"

    def test_no_home(self, monkeypatch):
        monkeypatch.delenv("PENSTOCK_CACHE", raising=False)
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        monkeypatch.setattr(os.path, "expanduser", lambda path: path)
        cache_module._cache_at.cache_clear()
        cache = default_cache()
        cache_module._cache_at.cache_clear()
        assert cache.problem == "there is no home directory"


def test_many_processes_at_once(tmp_path):
    code = (
        "import sys\n"
        "from penstock.runtime.cache import Cache\n"
        "from penstock.runtime.artifact import Artifact\n"
        "from penstock.runtime.machine import host\n"
        "cache = Cache(sys.argv[1], limit=40_000)\n"
        "for turn in range(60):\n"
        "    key = f'{turn % 7:064x}'\n"
        "    wanted = Artifact('f', host(), parts={'code': bytes([turn % 7]) * 5000})\n"
        "    found = cache.load(key)\n"
        "    assert found is None or found == wanted, found\n"
        "    assert cache.store(key, wanted), cache.problem\n"
        "    if turn % 10 == 0: cache.trim()\n"
    )
    folder = str(tmp_path / "cache")
    processes = [
        subprocess.Popen([sys.executable, "-c", code, folder], stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    for process in processes:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors.decode()
    assert not [name for name in os.listdir(folder) if name.startswith(".0")]


def test_the_support_object_is_made_once(cache):
    made = []

    def build():
        made.append(1)
        return b"support"

    assert support_data(cache, None) is None
    assert support_data(cache, build) == b"support"
    assert support_data(cache, build) == b"support"
    assert support_data(cache, None) == b"support"
    assert len(made) == 1


def test_reading_is_quick(cache):
    cache.store(_key(1), _artifact(50_000))
    best = min(_timed(lambda: cache.load(_key(1))) for _ in range(20))
    assert best < 0.1


def _timed(action):
    start = time.process_time()
    action()
    return time.process_time() - start


def test_a_pipe_is_not_waited_for(cache):
    cache.store(_key(1), _artifact())
    path = os.path.join(cache.folder, _key(1) + ".pns")
    mark = os.path.join(cache.folder, cache_module._TRIM_MARK)
    for name in (path, mark):
        os.unlink(name)
        os.mkfifo(name)
    os.utime(mark, (0, 0))
    assert cache.load(_key(1)) is None
    assert not os.path.exists(path)
    assert cache.store(_key(1), _artifact())
    assert cache.load(_key(1)) == _artifact()
