"""Files that are written whole, whatever was there before."""

import os
import stat
import threading

import pytest

from penstock.runtime.writing import write_whole


def test_a_new_file_has_the_permissions_of_any(tmp_path):
    path, other = tmp_path / "new", tmp_path / "other"
    write_whole(path, b"abc")
    other.write_bytes(b"")
    assert path.read_bytes() == b"abc"
    assert path.stat().st_mode == other.stat().st_mode
    assert sorted(os.listdir(tmp_path)) == ["new", "other"]


def test_permissions_are_kept(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"before")
    path.chmod(0o640)
    write_whole(path, b"after")
    assert path.read_bytes() == b"after"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_links_are_followed(tmp_path):
    (tmp_path / "folder").mkdir()
    target, link = tmp_path / "folder" / "file", tmp_path / "link"
    link.symlink_to(target)
    for data in (b"one", b"two"):
        write_whole(link, data)
        assert link.is_symlink()
        assert target.read_bytes() == data
    assert os.listdir(target.parent) == ["file"]


def test_pipes_are_written_to(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    read = []
    reader = threading.Thread(target=lambda: read.append(path.read_bytes()))
    reader.start()
    write_whole(path, b"abc")
    reader.join()
    assert read == [b"abc"]
    assert stat.S_ISFIFO(path.stat().st_mode)


@pytest.mark.parametrize("name", ["missing/file", "folder"])
def test_errors_name_the_file_that_was_meant(tmp_path, name):
    (tmp_path / "folder").mkdir()
    path = str(tmp_path / name)
    kind = FileNotFoundError if name == "missing/file" else IsADirectoryError
    with pytest.raises(kind) as caught:
        write_whole(path, b"abc")
    assert caught.value.filename == path
    assert os.listdir(tmp_path) == ["folder"]
