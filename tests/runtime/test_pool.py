"""The thread pool: every chunk once, whatever the threads do."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from penstock.backends.llvm.link import link_shared_object
from penstock.backends.llvm.object import emit_object
from penstock.runtime.library import Library

_TASK = ctypes.CFUNCTYPE(
    ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64
)
_PARALLEL = ctypes.CFUNCTYPE(
    ctypes.c_int64, _TASK, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64
)


@pytest.fixture
def parallel(support):
    """The pool with at least four threads: ``parallel(task, total, chunk)``."""

    def run(task, total, chunk, limit=4):
        @_TASK
        def call(frame, begin, end):
            return task(begin, end) or 0

        return _PARALLEL(support.parallel(limit))(call, None, total, chunk)

    return run


@pytest.mark.parametrize("limit", [1, 2, 4])
@pytest.mark.parametrize(
    ("total", "chunk"),
    [(0, 1), (1, 1), (7, 1), (10, 3), (12, 3), (3, 10), (1000, 7), (5, 2**40)],
)
def test_chunks_cover_the_loop(parallel, total, chunk, limit):
    chunks = []
    assert parallel(lambda b, e: chunks.append((b, e)), total, chunk, limit) == 0
    expected = [(b, min(b + chunk, total)) for b in range(0, total, chunk)]
    assert sorted(chunks) == expected
    if limit == 1:
        assert chunks == expected


@pytest.mark.parametrize("limit", [1, 4])
def test_the_first_failure_counts(parallel, limit):
    for _ in range(50):
        ran = []

        def task(begin, end, ran=ran):
            ran.append(begin)
            return {17: 3, 40: 5, 80: 7}.get(begin, 0)

        assert parallel(task, 100, 1, limit) == 3
        # Whatever comes before it has run.
        assert set(range(18)) <= set(ran)
        # On several threads it runs again at last, to leave its own value.
        assert (ran[-1], ran.count(17)) == (17, 1 if limit == 1 else 2)


def test_a_loop_within_a_loop_runs_alone(parallel):
    outside, inside = threading.Lock(), []

    def task(begin, end):
        names = []
        parallel(lambda b, e: names.append(threading.get_ident()), 5, 1)
        with outside:
            inside.append(set(names) == {threading.get_ident()})

    assert parallel(task, 20, 1) == 0
    assert inside == [True] * 20


def test_several_threads_take_part(parallel):
    names = set()

    def task(begin, end):
        names.add(threading.get_ident())
        time.sleep(0.002)

    # For at most 255 loops nobody is woken, if none of those woken before helped.
    for _ in range(300):
        parallel(task, 8, 1)
        if len(names) > 1:
            break
    assert len(names) > 1


def test_a_limit_is_kept(parallel):
    for limit in (1, 2, 3):
        present, most = [0], [0]
        lock = threading.Lock()

        def task(begin, end, present=present, most=most, lock=lock):
            with lock:
                present[0] += 1
                most[0] = max(most[0], present[0])
            time.sleep(0.001)
            with lock:
                present[0] -= 1

        for _ in range(30):
            # Workers are awake for a moment after a loop that all may join.
            parallel(lambda b, e: 0, 8, 1, 4)
            parallel(task, 8, 1, limit)
        assert most[0] <= limit


def test_a_caller_who_waited_long_for_others_runs_alone_for_a_while(parallel):
    caller = threading.get_ident()

    def threads_of_a_loop():
        names = set()

        def note(begin, end):
            names.add(threading.get_ident())
            time.sleep(0.002)

        parallel(note, 20, 1)
        return names

    def others_take_part_at_last():
        # For at most 255 loops nobody is woken, if none of those woken before helped.
        return any(len(threads_of_a_loop()) > 1 for _ in range(300))

    def loop_that_is_waited_for():
        entered = threading.Event()
        start = time.perf_counter()

        def task(begin, end):
            if threading.get_ident() == caller:
                entered.wait(0.05)
            else:
                worked = time.perf_counter() - start
                entered.set()
                time.sleep(0.1 + 5 * worked)

        parallel(task, 20, 1)
        return entered.is_set()

    assert others_take_part_at_last()
    assert any(loop_that_is_waited_for() for _ in range(20))
    assert threads_of_a_loop() == {caller}
    time.sleep(0.6)
    assert others_take_part_at_last()


def test_callers_in_several_threads(parallel):
    wrong = []

    def caller(seed):
        for turn in range(100):
            total = (seed * 31 + turn * 7) % 60
            seen = []
            parallel(lambda b, e, seen=seen: seen.append(b), total, 1)
            if sorted(seen) != list(range(total)):
                wrong.append((seed, turn))

    callers = [threading.Thread(target=caller, args=(n,)) for n in range(4)]
    for one in callers:
        one.start()
    for one in callers:
        one.join()
    assert wrong == []


def test_the_value_of_the_first_failure_is_left(take, native):
    f = native(lambda x, i: x, lambda call: take.variant(), threads=4)
    x, i = np.arange(10.0), np.zeros(4000, np.int64)
    i[[500, 1500, 1501, 3999]] = [77, 99, 101, 103]
    for _ in range(100):
        with pytest.raises(IndexError, match="index 77 is out of bounds"):
            f(x, i)


def test_the_same_bits_for_any_number_of_threads(take, native):
    x, i = np.random.default_rng(0).random(1000), np.arange(1000)[::-1].copy()
    results = {
        native(lambda x, i: x, lambda call: take.variant(), threads=threads)(
            x, i
        ).tobytes()
        for threads in (1, 2, 3, 8, None)
    }
    assert len(results) == 1


_RUNNING = """
import os, signal, sys, time, warnings
warnings.simplefilter("ignore")
from penstock.runtime.load import load
f = load(sys.argv[1])
"""


def _run(code, path, **environment):
    return subprocess.Popen(
        [sys.executable, "-c", _RUNNING + code, str(path)],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_children_have_a_pool_of_their_own(saved, spin):
    path = saved(spin, lambda count, steps: count, 64, 2)
    code = """
import threading
expected = list(range(64))
assert f(64, 4).tolist() == expected
stop = []
def load_it():
    while not stop: f(64, 8)
busy = threading.Thread(target=load_it)
busy.start()
for turn in range(200):
    child = os.fork()
    if child == 0:
        right = all(f(64, 4).tolist() == expected for _ in range(5))
        os._exit(0 if right and len(os.listdir("/proc/self/task")) == 3 else 1)
    _, status = os.waitpid(child, 0)
    assert status == 0, (turn, status)
stop.append(1)
busy.join()
assert f(64, 4).tolist() == expected
print("done")
"""
    output, errors = _run(code, path, PENSTOCK_NUM_THREADS="3").communicate(timeout=120)
    assert output == "done\n", errors


_INTERRUPTED = """
print("ready", flush=True)
start = time.perf_counter()
try:
    f(2000, 26)
except KeyboardInterrupt:
    print(time.perf_counter() - start, f(3, 2).tolist())
else:
    print("never interrupted")
"""


@pytest.mark.parametrize("threads", ["1", "3"])
@pytest.mark.parametrize("way", ["f", "f.dispatcher"])
def test_the_process_may_end_while_a_thread_is_inside(saved, spin, threads, way):
    path = saved(spin, lambda count, steps: count, 64, 2)
    code = f"""
import threading
def run():
    while True: {way}(8, 20)
for _ in range(2): threading.Thread(target=run, daemon=True).start()
time.sleep(0.1)
print("end", flush=True)
"""
    for _ in range(3):
        process = _run(code, path, PENSTOCK_NUM_THREADS=threads)
        output, errors = process.communicate(timeout=120)
        assert (output, errors, process.returncode) == ("end\n", "", 0)


_WAYS = {
    "native": "",
    "python": "f = f.dispatcher\n",
    # Without the support object, loops run in Python.
    "alone": (
        "from penstock.runtime import support\n"
        "support._Current.support = None\n"
        "f = f.dispatcher\n"
    ),
}


@pytest.mark.parametrize("threads", ["1", "3"])
@pytest.mark.parametrize("way", list(_WAYS))
def test_long_runs_are_interrupted(saved, spin, threads, way):
    path = saved(spin, lambda count, steps: count, 64, 2)
    process = _run(_WAYS[way] + _INTERRUPTED, path, PENSTOCK_NUM_THREADS=threads)
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=120)
    seconds, _, after = output.strip().partition(" ")
    assert after == "[0.0, 1.0, 2.0]", (output, errors)
    # 2000 chunks of at least 20 ms take longer than 10 s on three threads.
    assert float(seconds) < 6


def test_handlers_that_do_not_raise_run_too(saved, spin):
    path = saved(spin, lambda count, steps: count, 64, 2)
    code = """
seen = []
signal.signal(signal.SIGALRM, lambda *_: seen.append(time.perf_counter()))
signal.setitimer(signal.ITIMER_REAL, 0.05)
start = time.perf_counter()
assert f(100, 25).tolist() == list(range(100))
end = time.perf_counter()
print(len(seen), end - start > 0.2, seen[0] < end - 0.05)
"""
    output, errors = _run(code, path, PENSTOCK_NUM_THREADS="2").communicate(timeout=120)
    assert output == "1 True True\n", errors


def test_a_child_that_a_handler_forked_does_not_go_on(saved, spin):
    """The chunks that other threads had begun are lost to it."""
    path = saved(spin, lambda count, steps: count, 64, 2)
    code = """
children = []
signal.signal(signal.SIGALRM, lambda *_: children.append(os.fork()))
signal.setitimer(signal.ITIMER_REAL, 0.05)
parent = os.getpid()
try:
    print(f(100, 25).tolist() == list(range(100)), os.getpid() == parent)
except RuntimeError as error:
    print(error)
    print(f(100, 1).tolist() == list(range(100)), os.getpid() != parent)
else:
    os.waitpid(children[0], 0)
"""
    output, errors = _run(code, path, PENSTOCK_NUM_THREADS="2").communicate(timeout=120)
    assert sorted(output.splitlines()) == [
        "  help: end the child within the handler: os._exit(0), or os.execv",
        "True True",
        "True True",
        (
            "error: a handler of a signal forked the process while the program ran, "
            "and went on in the child, where the other threads are not [forked]"
        ),
    ], errors


def test_forking_and_joining_is_quick(support):
    library = Library(link_shared_object(emit_object(_empty_loop())), "it")
    many = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(
        library.address("many")
    )
    best = float("inf")
    for _ in range(20):
        start = time.perf_counter()
        many(support.parallel(2), 1000)
        best = min(best, (time.perf_counter() - start) / 1000)
    print(f"\nfork and join of 2 threads: {best * 1e6:.2f} us")
    # A loose bound, since the machine may be busy: a thread that is created takes more.
    assert best < 1e-3


def _empty_loop():
    return """
define i64 @task(ptr %frame, i64 %begin, i64 %end) {
  ret i64 0
}
define void @many(ptr %parallel, i64 %times) {
entry:
  br label %loop
loop:
  %i = phi i64 [0, %entry], [%next, %loop]
  %code = call i64 %parallel(ptr @task, ptr null, i64 4, i64 1)
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %times
  br i1 %more, label %loop, label %done
done:
  ret void
}
"""


def test_workers_leave_signals_to_others(saved, spin):
    path = saved(spin, lambda count, steps: count, 64, 2)
    code = """
f(64, 8)
# A thread that is only starting has all of them blocked.
time.sleep(0.5)
for thread in os.listdir("/proc/self/task"):
    with open(f"/proc/self/task/{thread}/status") as file:
        (line,) = [one for one in file if one.startswith("SigBlk")]
    mask = int(line.split()[1], 16)
    blocked = [mask >> number - 1 & 1 for number in
               (signal.SIGINT, signal.SIGALRM, signal.SIGSEGV, signal.SIGFPE)]
    print("main" if thread == str(os.getpid()) else "worker", blocked)
"""
    # NumPy's BLAS has threads of its own.
    limits = {"PENSTOCK_NUM_THREADS": "3", "OPENBLAS_NUM_THREADS": "1"}
    output, errors = _run(code, path, **limits).communicate(timeout=120)
    assert sorted(output.splitlines()) == [
        "main [0, 0, 0, 0]",
        "worker [1, 1, 0, 0]",
        "worker [1, 1, 0, 0]",
    ], errors
