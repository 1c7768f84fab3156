"""How many threads there are, and loops without the pool."""

import ctypes
import os

import numpy as np
import pytest

from penstock.ir.errors import OptionError
from penstock.runtime import threads as threads_module
from penstock.runtime.binding import Call
from penstock.runtime.threads import cpu_quota, run_serially, thread_count


@pytest.fixture(autouse=True)
def no_wishes(monkeypatch):
    for name in ("PENSTOCK_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def machine(monkeypatch):
    """A machine with so many processors, and a quota."""

    def make(processors, quota=None):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(processors))
        monkeypatch.setattr(threads_module, "cpu_quota", lambda: quota)

    return make


def test_affinity(machine):
    machine(6)
    assert thread_count() == 6
    machine(1000)
    assert thread_count() == 256


@pytest.mark.parametrize(("quota", "count"), [(0.5, 1), (1.5, 2), (2.0, 2), (99, 8)])
def test_quota(machine, quota, count):
    machine(8, quota)
    assert thread_count() == count


@pytest.mark.parametrize(
    ("ours", "shared", "count"),
    [("3", "5", 3), ("", "5", 5), ("", "4,2", 4), ("", "many", 8), ("", "0", 8),
     ("9999", "", 256)],
)  # fmt: skip
def test_environment(machine, monkeypatch, ours, shared, count):
    machine(8)
    monkeypatch.setenv("PENSTOCK_NUM_THREADS", ours)
    monkeypatch.setenv("OMP_NUM_THREADS", shared)
    assert thread_count() == count


@pytest.mark.parametrize("wanted", ["0", "-1", "two", "1.5"])
def test_a_number_that_is_none(monkeypatch, wanted):
    monkeypatch.setenv("PENSTOCK_NUM_THREADS", wanted)
    with pytest.raises(OptionError) as caught:
        thread_count()
    assert str(caught.value) == (
        f"error: PENSTOCK_NUM_THREADS={wanted!r} is not a positive number "
        "[thread-count]\n  help: give 1 or more, or leave it out for all processors"
    )


def _control_groups(tmp_path, membership, files):
    process = tmp_path / "cgroup"
    process.write_text(membership)
    for name, text in files.items():
        path = tmp_path / "fs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return cpu_quota(str(tmp_path / "fs"), str(process))


def test_control_groups_version_2(tmp_path):
    files = {
        "cpu.max": "max 100000\n",
        "a/cpu.max": "150000 100000\n",
        "a/b/cpu.max": "400000 100000\n",
    }
    assert _control_groups(tmp_path, "0::/a/b\n", files) == 1.5


def test_control_groups_version_1(tmp_path):
    files = {
        "cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
        "cpu,cpuacct/cpu.cfs_period_us": "100000\n",
        "cpu,cpuacct/a/cpu.cfs_quota_us": "50000\n",
        "cpu,cpuacct/a/cpu.cfs_period_us": "100000\n",
    }
    membership = "5:memory:/a\n4:cpu,cpuacct:/a\n"
    assert _control_groups(tmp_path, membership, files) == 0.5


@pytest.mark.parametrize(
    ("membership", "files"),
    [("", {}), ("0::/\n", {}), ("0::/\n", {"cpu.max": "nonsense"})],
)
def test_no_control_groups(tmp_path, membership, files):
    assert _control_groups(tmp_path, membership, files) is None


def test_loops_run_without_the_pool(take):
    x, i = np.arange(100.0), np.arange(50)[::-1].copy()
    variant = take.variant()
    y = np.empty(50)
    prepared = variant.prepare(Call(("x", "i"), (x, i)))
    slots = prepared.slots
    slots[7] = y.ctypes.data
    address = ctypes.addressof(slots)
    assert run_serially(variant.executable.run_address, address, 0) == 0
    assert np.array_equal(y, x[i])
    i[20] = 1000
    assert run_serially(variant.executable.run_address, address, 0) == 1
    assert slots[0] == 1000
    assert prepared.sizes[2] == 50
