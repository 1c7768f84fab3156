"""Settings: from the environment, and of blocks of code."""

import asyncio
import inspect
import re
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import penstock as ps
from penstock.ir.errors import OptionError
from penstock.runtime.config import BLOCKS_WITH_THREADS, SCOPE, SETTINGS, Config
from penstock.runtime.machine import host
from penstock.runtime.threads import thread_count

ROOT = Path(__file__).resolve().parents[2]


def test_a_block_sets_settings_and_gives_them_back():
    outside = ps.config.threads
    with ps.config(threads=3, debug=True):
        assert (ps.config.threads, ps.config.debug) == (3, True)
        with ps.config(threads=5):
            assert (ps.config.threads, ps.config.debug) == (5, True)
        assert ps.config.threads == 3
    assert (ps.config.threads, ps.config.debug) == (outside, False)


def test_a_block_may_be_entered_again_and_within_itself():
    limited = ps.config(threads=3)
    for _ in range(2):
        with limited, ps.config(threads=4), limited:
            assert ps.config.threads == 3
    assert ps.config.threads == thread_count()


def test_an_exception_leaves_the_block():
    with pytest.raises(ZeroDivisionError), ps.config(threads=3):
        raise ZeroDivisionError
    assert ps.config.threads == thread_count()


def test_other_threads_see_nothing_of_a_block():
    seen = []
    with ps.config(threads=3):
        thread = threading.Thread(target=lambda: seen.append(ps.config.threads))
        thread.start()
        thread.join()
    assert seen == [thread_count()]


def test_tasks_keep_their_own_settings():
    async def nap(threads, seen):
        with ps.config(threads=threads):
            for _ in range(3):
                await asyncio.sleep(0)
                seen.append((threads, ps.config.threads))

    async def both():
        seen = []
        await asyncio.gather(nap(3, seen), nap(4, seen))
        return seen

    seen = asyncio.run(both())
    assert len(seen) == 6
    assert all(wanted == found for wanted, found in seen)


def test_settings_of_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("PENSTOCK_NUM_THREADS", " 7 ")
    monkeypatch.setenv("PENSTOCK_CACHE", str(tmp_path))
    monkeypatch.setenv("PENSTOCK_TARGET", "x86-64")
    monkeypatch.setenv("PENSTOCK_DUMP", str(tmp_path / "dump"))
    monkeypatch.setenv("PENSTOCK_DEBUG", "ON")
    assert ps.config.threads == 7
    assert ps.config.cache == str(tmp_path)
    assert ps.config.dump == str(tmp_path / "dump")
    assert ps.config.debug is True
    if host().architecture == "x86_64":
        assert ps.config.target == "x86-64"
    with ps.config(threads=2, cache="off", dump=tmp_path, debug=False):
        assert ps.config.threads == 2
        assert ps.config.cache is None
        assert ps.config.dump == str(tmp_path)
        assert ps.config.debug is False


def test_an_empty_variable_is_as_good_as_none(monkeypatch):
    monkeypatch.setenv("PENSTOCK_DUMP", " ")
    monkeypatch.setenv("PENSTOCK_DEBUG", "")
    assert ps.config.dump is None
    assert ps.config.debug is False


def test_a_target_of_a_block_is_compiled_for():
    if host().architecture != "x86_64":
        pytest.skip("the levels are those of x86-64")
    with ps.config(target="x86-64"):
        lowered = ps.compile(lambda x: x + 1).lower(np.ones(4, np.float32))
    assert lowered.compilation.machine.cpu == "x86-64"
    with ps.config(target="pentium"), pytest.raises(OptionError) as caught:
        host()
    assert str(caught.value) == (
        "error: target='pentium' is not a target [option]\n"
        "  help: use one of x86-64, x86-64-v2, x86-64-v3, x86-64-v4"
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"thread": 2},
            (
                "error: there is no setting thread [unknown-setting]\n"
                "  help: did you mean threads?"
            ),
        ),
        (
            {"zzz": 2},
            (
                "error: there is no setting zzz [unknown-setting]\n"
                "  help: there are threads, cache, target, dump, debug"
            ),
        ),
        (
            {"threads": 0},
            (
                "error: threads=0 is not a positive number [thread-count]\n"
                "  help: give 1 or more, or leave it out for all processors"
            ),
        ),
        (
            {"threads": True},
            (
                "error: threads=True is not a positive number [thread-count]\n"
                "  help: give 1 or more, or leave it out for all processors"
            ),
        ),
        (
            {"threads": "two"},
            (
                "error: threads='two' is not a positive number [thread-count]\n"
                "  help: give 1 or more, or leave it out for all processors"
            ),
        ),
        (
            {"cache": 3},
            (
                "error: cache=3 is not a folder, or 'off' [bad-setting]\n"
                "  help: leave it out for the default"
            ),
        ),
        (
            {"dump": ""},
            (
                "error: dump='' is not a folder [bad-setting]\n"
                "  help: leave it out for the default"
            ),
        ),
        (
            {"dump": "a\0b"},
            (
                "error: dump='a\\x00b' is not a folder [bad-setting]\n"
                "  help: leave it out for the default"
            ),
        ),
        (
            {"cache": "\0"},
            (
                "error: cache='\\x00' is not a folder, or 'off' [bad-setting]\n"
                "  help: leave it out for the default"
            ),
        ),
        (
            {"cache": "\ud800"},
            (
                "error: cache='\\ud800' is not a folder, or 'off' [bad-setting]\n"
                "  help: leave it out for the default"
            ),
        ),
        (
            {"debug": "maybe"},
            (
                "error: debug='maybe' is not on or off [bad-setting]\n"
                "  help: leave it out for the default"
            ),
        ),
    ],
)
def test_what_cannot_be_set(settings, message):
    with pytest.raises(OptionError) as caught:
        ps.config(**settings)
    assert str(caught.value) == message


def test_settings_cannot_be_assigned():
    with pytest.raises(OptionError) as caught:
        ps.config.threads = 2
    assert str(caught.value) == (
        "error: config.threads cannot be assigned to [config-assignment]\n"
        "  help: write `with ps.config(threads=2):`, or set PENSTOCK_NUM_THREADS for "
        "the whole process"
    )
    with pytest.raises(OptionError, match="there is no setting nothing"):
        ps.config.nothing = 2


def test_a_misspelt_attribute():
    with pytest.raises(AttributeError, match="did you mean threads"):
        _ = ps.config.thread
    assert not hasattr(ps.config, "nothing")


def test_a_misspelt_variable(fresh_python):
    code = """
import penstock as ps
try:
    print(ps.config.threads)
except ps.errors.OptionError as error:
    print(error)
"""
    assert fresh_python(code, PENSTOCK_NUM_THREAD="3") == (
        "error: there is no environment variable PENSTOCK_NUM_THREAD "
        "[unknown-setting]\n"
        "  help: did you mean PENSTOCK_NUM_THREADS?\n"
    )
    # What Kubernetes says of a service of that name is none of ours.
    service = {"PENSTOCK_SERVICE_HOST": "10.0.0.1", "PENSTOCK_PORT_80_TCP_PORT": "80"}
    assert fresh_python(code, PENSTOCK_NUM_THREADS="3", **service) == "3\n"


def test_the_table_is_complete():
    table = inspect.getdoc(Config)
    rows = re.findall(r"^``(\w+)`` +``(\w+)``", table, re.MULTILINE)
    assert rows == [(name, entry.variable) for name, entry in SETTINGS.items()]
    assert dir(ps.config) == sorted(SETTINGS)
    assert repr(ps.config).startswith(f"<penstock.config threads={thread_count()}, ")


def test_nobody_else_reads_variables_of_ours():
    readers = [
        str(path.relative_to(ROOT))
        for folder in ("compiler", "ir", "runtime")
        for path in (ROOT / folder).rglob("*.py")
        if re.search(r"environ.{0,20}PENSTOCK|getenv", path.read_text())
    ]
    assert readers == []


def _limit_of(entry, support):
    """The limit that the entry of the pool has, by its address; 0 for the default."""
    return list(support._entries).index(entry)


@pytest.fixture
def threads(support):
    """The number of threads of the pool, put back afterwards."""
    before = support._threads.value
    yield support._threads
    support._threads.value = before


@pytest.fixture
def limit(pair, entry, support, threads):
    """Make a function that gives the limit on threads with which it is called."""

    def make(threads=None):
        both = pair(lambda: None, lambda call: entry.variant(), threads=threads)
        both.check()

        def call():
            # The oracle says which it should be.
            (_, _, data), *_ = both.check(is_native=True)[1]
            return _limit_of(int.from_bytes(data, "little"), support)

        return call

    return make


def test_the_native_dispatcher_knows_the_limits_of_its_own_thread(limit):
    f, seen = limit(), []
    assert f() == 0
    with ps.config(debug=True):
        assert f() == 0
    with ps.config(threads=3):
        assert f() == 3
        thread = threading.Thread(target=lambda: seen.append(f()))
        thread.start()
        thread.join()
        with ps.config(threads=1, debug=True):
            assert f() == 1
        assert f() == 3
    assert (f(), seen) == (0, [0])


def test_threads_with_limits_of_their_own(limit):
    functions = [limit() for _ in range(4)]
    wrong = []

    def call(threads):
        for _ in range(300):
            with ps.config(threads=threads):
                found = functions[threads - 1]()
            if (found, functions[threads - 1]()) != (threads, 0):
                wrong.append((threads, found))

    threads = [threading.Thread(target=call, args=(n + 1,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize(
    ("own", "wanted", "expected"),
    [(2, 5, 2), (5, 2, 2), (2, 2, 2), (None, 7, 7), (4, 10**30, 4), (None, 10**30, 32)],
)
def test_the_lower_of_two_limits_counts(limit, own, wanted, expected):
    f = limit(own)
    assert f() == (own or 0)
    with ps.config(threads=wanted):
        assert f() == expected


def test_a_limit_above_the_number_of_threads_makes_more(pair, entry, threads):
    both = pair(lambda: None, lambda call: entry.variant())
    both.native()
    reached, threads.value = both.dispatcher.reached, 2
    for count, expected in ((1, 2), (5, 5), (3, 5)):
        with ps.config(threads=count):
            both.native()
        assert threads.value == expected
    assert both.dispatcher.reached == reached


def test_no_count_of_a_scope_is_left_behind(limit):
    f = limit()
    with ps.config(threads=3):
        scope = SCOPE.get()
        before = sys.getrefcount(scope), sys.getrefcount(None)
        for _ in range(300):
            f()
        after = sys.getrefcount(scope), sys.getrefcount(None)
    assert before[0] == after[0]
    assert abs(before[1] - after[1]) < 100


def test_a_task_that_outlives_its_block_keeps_its_limit(limit):
    f, seen = limit(), []

    async def later():
        await asyncio.sleep(0)
        seen.append(f())

    async def start():
        with ps.config(threads=3):
            task = asyncio.ensure_future(later())
        await task

    before = BLOCKS_WITH_THREADS[0]
    asyncio.run(start())
    assert seen == [3]
    assert BLOCKS_WITH_THREADS[0] == before
