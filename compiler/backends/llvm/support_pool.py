"""The thread pool, in generated code.

A loop is cut into chunks whose borders depend on its length alone. The calling thread
and the workers that happen to be awake take chunks from a counter, so nobody waits for
a worker that has not come: when the chunks are gone the caller shuts the door and waits
only for those inside. Workers spin for a moment, then sleep on a futex (U. Drepper,
"Futexes Are Tricky").

On a machine that is busy with other things, workers come too late, or are taken off
their processor in the middle of a chunk. A caller that woke some of whom none took a
chunk wakes nobody for the next loops, each time for twice as many. One that waited for
those inside for much longer than it worked itself runs the loops of the next moment
alone.

The state word counts the workers inside in its upper bits, and its lowest bit says
that the door is open. After ``fork`` the child has no workers: the process number that
the pool belongs to is compared at each loop, and the child starts its own.
"""

from __future__ import annotations

from collections.abc import Callable

from penstock.backends.llvm.emitter import Emitter, Module, Operand, Parameter
from penstock.backends.llvm.support_words import call_own, leave

__all__ = ["MOST_LIMITS", "add_pool"]

MOST_LIMITS = 32
"""Limits on the number of threads that have an entry of their own."""

_SPINS = 4000  # About 0.1 ms.
_YIELD_AFTER = 2000
# A wait is too long if it takes so many times the caller's own work, and so long.
_TOO_LONG = 2
_TOO_LONG_NANOSECONDS = 500_000
# Then the caller runs alone for so many times the wait, which makes up for the next.
_ALONE = 32
_MOST_ALONE_NANOSECONDS = 500_000_000
_MOST_UNWOKEN = 255
_CHECK_NANOSECONDS = 100_000_000
_NO_FAILURE = (1 << 63) - 1

_FUTEX = {"x86_64": 202, "aarch64": 98}
_GETTID = {"x86_64": 186, "aarch64": 178}
_PAUSE = {"x86_64": "x86.sse2.pause", "aarch64": "aarch64.hint"}
_FUTEX_WAIT_PRIVATE, _FUTEX_WAKE_PRIVATE = 128, 129
_CLOCK_MONOTONIC = 1
_SIG_SETMASK = 2
# SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV: raised by the thread's own instructions.
_FAULTS = (4, 5, 7, 8, 11)

_LOOP = [
    Parameter("task", "ptr"),
    Parameter("frame", "ptr"),
    Parameter("total", "i64"),
    Parameter("chunk", "i64"),
]


class _State:
    """The variables of the pool, each group of writers on a cache line of its own."""

    def __init__(self, module: Module) -> None:
        def variable(name: str, text: str = "i32 0", align: int = 64) -> Operand:
            return module.variable(f"pool_{name}", text, align, internal=True)

        self.generation = variable("generation")
        self.sleepers = variable("sleepers")
        self.state = variable("state")
        self.next = variable("next", "i64 0")
        self.busy = variable("busy")
        # Written by the caller before the door opens.
        self.task = variable("task", "ptr null")
        self.frame = variable("frame", "ptr null", 8)
        self.total = variable("total", "i64 0", 8)
        self.chunk = variable("chunk", "i64 0", 8)
        self.limit = variable("limit", "i32 0", 4)
        # How many threads there are, the caller included, and in which process.
        self.started = variable("started", "i32 1", 4)
        self.process = variable("process", "i32 0", 4)
        self.stop = variable("stop")
        self.interrupted = variable("interrupted", "i32 0", 4)
        self.failure_lock = variable("failure_lock", "i32 0", 4)
        self.failed_begin = variable("failed_begin", "i64 0", 8)
        self.failed_code = variable("failed_code", "i64 0", 8)
        self.last_check = variable("last_check", "i64 0")
        # Whether workers were woken for this loop, and whether any took a chunk.
        self.woken = variable("woken", "i32 0", 4)
        self.helped = variable("helped")
        # For how many loops nobody is woken, and of how many that is what is left.
        self.patience = variable("patience", "i32 0", 4)
        self.unwoken = variable("unwoken", "i32 0", 4)
        # Until when loops run on their caller's thread alone; 0 for no such time.
        self.alone_until = variable("alone_until", "i64 0", 8)
        self.threads = module.variable("penstock_threads", "i32 1", 4, internal=False)
        self.default_limit = module.variable(
            "penstock_default_limit", "i32 1", 4, internal=False
        )


def add_pool(module: Module, check_signals: Callable[[Emitter], Operand]) -> None:
    """Add the pool's functions and variables to a module.

    They are ``penstock_parallel``, ``penstock_serial``, ``penstock_parallel_k`` for
    each limit k, the table ``penstock_parallel_entries`` of all of them by limit, and
    the variables ``penstock_threads`` and ``penstock_default_limit``.

    Args:
        module: the module.
        check_signals: emits a call that handles pending signals in the interpreter,
            and gives whether one of them raised an exception.
    """
    module.declare("syscall", "i64 @syscall(i64, ...)")
    state = _State(module)
    _add_clock(module, state)
    _add_check(module, state, check_signals)
    _add_serial(module)
    _add_work(module, state)
    _add_worker(module, state)
    _add_start(module, state)
    _add_own(module, state)
    _add_failure(module, state)
    _add_limited(module, state)
    _add_entries(module, state)


def _system_call(f: Emitter, numbers: dict[str, int], *arguments: str) -> Operand:
    written = ", ".join((f"i64 {numbers[f.machine.architecture]}", *arguments))
    return f.instruction(f"call i64 (i64, ...) @syscall({written})", "i64")


def _pause(f: Emitter) -> None:
    name = _PAUSE[f.machine.architecture]
    if name == "x86.sse2.pause":
        f.module.declare(f"llvm.{name}", f"void @llvm.{name}()")
        f.emit(f"call void @llvm.{name}()")
    else:
        f.module.declare(f"llvm.{name}", f"void @llvm.{name}(i32)")
        f.emit(f"call void @llvm.{name}(i32 1)")


def _smaller(f: Emitter, a: Operand, b: Operand) -> Operand:
    return f.select(f.lt(a, b), a, b)


def _add_clock(module: Module, state: _State) -> None:
    """``pool_now()``: nanoseconds; ``pool_begin()``: a run begins, signals handled."""
    f = module.function("pool_now", [], result="i64", internal=True)
    time = f.allocate(16, 8)
    f.call("clock_gettime", [f.constant(_CLOCK_MONOTONIC, "i32"), time], "i32")
    seconds = f.load(time, "i64", align=8)
    f.ret(f.add(f.mul(seconds, 10**9), f.load(f.offset(time, 8), "i64", align=8)))

    f = module.function("pool_begin", [], internal=True)
    now = call_own(f, "pool_now", [], "i64")
    f.store_atomic(now, state.last_check, "monotonic")
    f.ret()


def _add_check(
    module: Module, state: _State, check_signals: Callable[[Emitter], Operand]
) -> None:
    """``pool_check()``: 1 if a signal's handler raised an exception, now and then.

    2 if the handler forked the process and this is the child, whose loop lacks what
    other threads had begun.

    Python handles signals in its main thread, which is the first of the process (after
    ``fork`` too, where the thread that forked becomes the first).
    """
    f = module.function("pool_check", [], result="i32", internal=True)
    zero = f.constant(0, "i32")
    now = call_own(f, "pool_now", [], "i64")
    since = f.sub(now, f.load_atomic(state.last_check, "i64", "monotonic"))
    with f.when(f.lt(since, _CHECK_NANOSECONDS), likely=True):
        leave(f, zero)
    f.store_atomic(now, state.last_check, "monotonic")
    thread = f.convert(_system_call(f, _GETTID), "i32")
    process = f.call("getpid", [], "i32")
    with f.when(f.ne(thread, process)):
        leave(f, zero)
    raised = f.convert(check_signals(f), "i32", signed=False)
    with f.when(f.ne(f.call("getpid", [], "i32"), process), likely=False):
        f.store_atomic(zero, state.state, "monotonic")
        leave(f, f.select(f.ne(raised, 0), raised, f.constant(2, "i32")))
    f.ret(raised)


def _run_chunk(
    f: Emitter, task: Operand, frame: Operand, begin: Operand, chunk: Operand,
    total: Operand,
) -> Operand:  # fmt: skip
    end = _smaller(f, f.add(begin, chunk), total)
    return f.call(task, [frame, begin, end], "i64")


def _add_serial(module: Module) -> None:
    """``penstock_serial(task, frame, total, chunk)``: the chunks in order."""
    f = module.function("penstock_serial", _LOOP, result="i64")
    task, frame, total, chunk = f.parameters
    zero = f.constant(0, "i64")
    with f.for_loop(zero, total, chunk) as loop:
        code = _run_chunk(f, task, frame, loop.index, chunk, total)
        with f.when(f.ne(code, 0), likely=False):
            leave(f, code)
        interrupted = call_own(f, "pool_check", [], "i32")
        # A loop that runs alone goes on in a child as in the parent.
        with f.when(f.eq(interrupted, 1), likely=False):
            leave(f, f.constant(-1, "i64"))
    f.ret(zero)


def _add_work(module: Module, state: _State) -> None:
    """``pool_work(is_caller)``: take chunks until there are none, or one fails."""
    f = module.function(
        "pool_work", [Parameter("is_caller", "i32")], result=None, internal=True
    )
    (is_caller,) = f.parameters
    task = f.load(state.task, "ptr", align=8)
    frame = f.load(state.frame, "ptr", align=8)
    total = f.load(state.total, "i64", align=8)
    chunk = f.load(state.chunk, "i64", align=8)
    done = f.label("done")
    with f.repeat() as loop:
        # Chunks are taken in order and a taken one is always run, so of those that
        # fail the first is known for certain.
        taken = f.update_atomic("add", state.next, f.constant(1, "i64"), "monotonic")
        begin = f.mul(taken, chunk)
        stopped = f.ne(f.load_atomic(state.stop, "i32", "monotonic"), 0)
        _leave_if(f, f.bit_or(stopped, f.ge(begin, total)), done)
        with f.when(f.eq(is_caller, 0)):
            f.store_atomic(f.constant(1, "i32"), state.helped, "monotonic")
        code = _run_chunk(f, task, frame, begin, chunk, total)
        with f.when(f.ne(code, 0), likely=False):
            call_own(f, "pool_fail", [begin, code])
        with f.when(f.ne(is_caller, 0)):
            raised = call_own(f, "pool_check", [], "i32")
            with f.when(f.ne(raised, 0), likely=False):
                f.store_atomic(raised, state.interrupted, "monotonic")
                f.store_atomic(f.constant(1, "i32"), state.stop, "monotonic")
        loop.again_if(f.constant(True, "i1"))
    f.branch(done)
    f.begin(done)
    f.ret()


def _leave_if(f: Emitter, condition: Operand, label: str) -> None:
    stay = f.label("stay")
    f.branch_if(condition, label, stay)
    f.begin(stay)


def _add_worker(module: Module, state: _State) -> None:
    """``pool_worker(unused)``: the life of a worker, which ends with the process."""
    f = module.function(
        "pool_worker", [Parameter("unused", "ptr")], result="ptr", internal=True
    )
    zero, two = f.constant(0, "i32"), f.constant(2, "i32")
    with f.repeat([zero]) as life:
        (last,) = life.carried
        with f.repeat([zero]) as spin:
            _pause(f)
            now = f.load_atomic(state.generation, "i32", "acquire")
            spin.carry(f.add(spin.carried[0], 1))
            patient = f.lt(spin.carried[0], _SPINS)
            spin.again_if(f.bit_and(f.eq(now, last), patient))
        with f.when(f.eq(now, last)):
            # The caller raises the generation, then looks for sleepers; we count as
            # one, then the kernel looks at the generation. One of us sees the other.
            f.update_atomic("add", state.sleepers, f.constant(1, "i32"))
            _system_call(
                f, _FUTEX, state.generation.typed, f"i32 {_FUTEX_WAIT_PRIVATE}",
                last.typed, "ptr null", "ptr null", "i32 0",
            )  # fmt: skip
            f.update_atomic("sub", state.sleepers, f.constant(1, "i32"))
        with f.when(f.ne(now, last)):
            before = f.update_atomic("add", state.state, two, "acquire")
            is_open = f.ne(f.bit_and(before, 1), 0)
            inside = f.shift_right(before, 1)
            limit = f.load_atomic(state.limit, "i32", "monotonic")
            welcome = f.lt(inside, f.sub(limit, 1))
            with f.when(f.bit_and(is_open, welcome)):
                call_own(f, "pool_work", [zero])
            f.update_atomic("sub", state.state, two, "release")
        life.carry(now)
        life.again_if(f.constant(True, "i1"))
    f.ret(f.constant(0, "ptr"))


def _add_start(module: Module, state: _State) -> None:
    """``pool_start()``: start the workers that are missing.

    They leave signals to the other threads, one of which may be waiting for them.
    """
    f = module.function("pool_start", [], internal=True)
    # sigset_t is at most 128 bytes, a bit for each signal.
    every, before, thread = f.allocate(128), f.allocate(128), f.allocate(8, 8)
    faults = sum(1 << number - 1 for number in _FAULTS)
    for position in range(0, 128, 8):
        bits = f.constant(-1 if position else ~faults, "i64")
        f.store(bits, f.offset(every, position), align=8)
    mask = f.constant(_SIG_SETMASK, "i32")
    null = f.constant(0, "ptr")
    f.call("pthread_sigmask", [mask, every, before], "i32")
    wanted = f.load_atomic(state.threads, "i32", "monotonic")
    with f.for_loop(f.load(state.started, "i32", align=4), wanted) as loop:
        worker = Operand("@pool_worker", "ptr")
        failed = f.call("pthread_create", [thread, null, worker, null], "i32")
        with f.when(f.eq(failed, 0), likely=True):
            f.call("pthread_detach", [f.load(thread, "i64", align=8)], "i32")
        # Those that could not be started are not tried again; nobody waits for them.
        f.store(f.add(loop.index, 1), state.started, align=4)
    f.call("pthread_sigmask", [mask, before, null], "i32")
    f.ret()


def _add_own(module: Module, state: _State) -> None:
    """``pool_own()``: 1 if the pool belongs to this process, having taken it over.

    While a thread takes it over, the process number stands there negated.
    """
    f = module.function("pool_own", [], result="i32", internal=True)
    one, zero = f.constant(1, "i32"), f.constant(0, "i32")
    process = f.call("getpid", [], "i32")
    owner = f.load_atomic(state.process, "i32", "acquire")
    with f.when(f.eq(owner, process), likely=True):
        leave(f, one)
    taking = f.sub(zero, process)
    with f.when(f.eq(owner, taking)):
        leave(f, zero)
    _, taken = f.compare_exchange(state.process, owner, taking)
    with f.when(f.eq(taken, False)):
        leave(f, zero)
    for variable in (state.state, state.sleepers, state.busy, state.failure_lock):
        f.store_atomic(zero, variable, "monotonic")
    for variable in (state.patience, state.unwoken):
        f.store(zero, variable, align=4)
    f.store_atomic(f.constant(0, "i64"), state.alone_until, "monotonic")
    f.store(one, state.started, align=4)
    f.store_atomic(process, state.process, "release")
    f.ret(one)


def _add_failure(module: Module, state: _State) -> None:
    """``pool_fail(begin, code)``: keep the failure that comes first in the loop."""
    f = module.function(
        "pool_fail", [Parameter("begin", "i64"), Parameter("code", "i64")],
        internal=True,
    )  # fmt: skip
    begin, code = f.parameters
    zero, one = f.constant(0, "i32"), f.constant(1, "i32")
    f.store_atomic(one, state.stop, "monotonic")
    with f.repeat() as loop:
        _pause(f)
        _, taken = f.compare_exchange(state.failure_lock, zero, one)
        loop.again_if(f.eq(taken, False))
    with f.when(f.lt(begin, f.load(state.failed_begin, "i64", align=8))):
        f.store(begin, state.failed_begin, align=8)
        f.store(code, state.failed_code, align=8)
    f.store_atomic(zero, state.failure_lock)
    f.ret()


def _add_limited(module: Module, state: _State) -> None:
    """``pool_limited(task, frame, total, chunk, limit)``: a loop on several threads."""
    f = module.function(
        "pool_limited", [*_LOOP, Parameter("limit", "i32")], result="i64", internal=True
    )
    task, frame, total, chunk, limit = f.parameters
    serial = f.label("serial")
    threads = f.load_atomic(state.threads, "i32", "monotonic")
    alone = f.lt(_smaller(f, threads, limit), 2)
    _leave_if(f, f.bit_or(alone, f.le(total, chunk)), serial)
    own = call_own(f, "pool_own", [], "i32")
    _leave_if(f, f.eq(own, 0), serial)
    began = call_own(f, "pool_now", [], "i64")
    until = f.load_atomic(state.alone_until, "i64", "monotonic")
    _leave_if(f, f.lt(began, until), serial)
    # A loop within a loop, or in another thread at the same time, runs alone.
    _, free = f.compare_exchange(state.busy, f.constant(0, "i32"), f.constant(1, "i32"))
    _leave_if(f, f.eq(free, False), serial)
    with f.when(f.lt(f.load(state.started, "i32", align=4), threads), likely=False):
        call_own(f, "pool_start", [])
    _open_door(f, state)
    call_own(f, "pool_work", [f.constant(1, "i32")])
    _close_door(f, state, began)
    f.ret(_outcome(f, state))
    f.begin(serial)
    f.ret(call_own(f, "penstock_serial", [task, frame, total, chunk], "i64"))


def _open_door(f: Emitter, state: _State) -> None:
    task, frame, total, chunk, limit = f.parameters
    for value, variable in ((task, state.task), (frame, state.frame)):
        f.store(value, variable, align=8)
    for value, variable in ((total, state.total), (chunk, state.chunk)):
        f.store(value, variable, align=8)
    f.store(f.constant(_NO_FAILURE, "i64"), state.failed_begin, align=8)
    zero, one = f.constant(0, "i32"), f.constant(1, "i32")
    f.store_atomic(limit, state.limit, "monotonic")
    f.store_atomic(zero, state.stop, "monotonic")
    f.store_atomic(zero, state.interrupted, "monotonic")
    f.store_atomic(zero, state.helped, "monotonic")
    f.store(zero, state.woken, align=4)
    f.store_atomic(f.constant(0, "i64"), state.next, "monotonic")
    f.update_atomic("or", state.state, one, "release")
    f.update_atomic("add", state.generation, one)
    sleepers = f.load_atomic(state.sleepers, "i32", "seq_cst")
    unwoken = f.load(state.unwoken, "i32", align=4)
    with f.when(f.gt(unwoken, 0)):
        f.store(f.sub(unwoken, 1), state.unwoken, align=4)
    with f.when(f.bit_and(f.ne(sleepers, 0), f.eq(unwoken, 0))):
        f.store(one, state.woken, align=4)
        helpers = f.sub(limit, 1)
        _system_call(
            f, _FUTEX, state.generation.typed, f"i32 {_FUTEX_WAKE_PRIVATE}",
            helpers.typed, "ptr null", "ptr null", "i32 0",
        )  # fmt: skip


def _close_door(f: Emitter, state: _State, began: Operand) -> None:
    """Wait for the workers inside. ``began`` is when the caller began to work."""
    f.update_atomic("and", state.state, f.constant(-2, "i32"), "acq_rel")
    ended = call_own(f, "pool_now", [], "i64")
    with f.repeat([f.constant(0, "i32")]) as wait:
        _pause(f)
        with f.when(f.gt(wait.carried[0], _YIELD_AFTER), likely=False):
            f.call("sched_yield", [], "i32")
        wait.carry(f.add(wait.carried[0], 1))
        inside = f.load_atomic(state.state, "i32", "acquire")
        wait.again_if(f.ne(inside, 0))
    with f.when(f.ne(f.load(state.woken, "i32", align=4), 0)):
        patience = f.load(state.patience, "i32", align=4)
        more = _smaller(
            f, f.add(f.add(patience, patience), 1), f.constant(_MOST_UNWOKEN, "i32")
        )
        helped = f.ne(f.load_atomic(state.helped, "i32", "monotonic"), 0)
        patience = f.select(helped, f.constant(0, "i32"), more)
        f.store(patience, state.patience, align=4)
        f.store(patience, state.unwoken, align=4)
    with f.when(f.gt(wait.results[0], _YIELD_AFTER), likely=False):
        now = call_own(f, "pool_now", [], "i64")
        waited, worked = f.sub(now, ended), f.sub(ended, began)
        is_long = f.bit_and(
            f.gt(waited, _TOO_LONG_NANOSECONDS),
            f.gt(waited, f.mul(worked, _TOO_LONG)),
        )
        with f.when(is_long):
            most = f.constant(_MOST_ALONE_NANOSECONDS, "i64")
            alone = _smaller(f, f.mul(waited, _ALONE), most)
            f.store_atomic(f.add(now, alone), state.alone_until, "monotonic")


def _outcome(f: Emitter, state: _State) -> Operand:
    """What the loop returns. Opens the pool to the next loop."""
    task, frame, total, chunk, _ = f.parameters
    interrupted = f.load_atomic(state.interrupted, "i32", "monotonic")
    begin = f.load(state.failed_begin, "i64", align=8)
    code = f.load(state.failed_code, "i64", align=8)
    f.store_atomic(f.constant(0, "i32"), state.busy)
    with f.when(f.ne(interrupted, 0), likely=False):
        leave(f, f.sub(f.constant(0, "i64"), f.convert(interrupted, "i64")))
    with f.when(f.ne(begin, _NO_FAILURE), likely=False):
        # Others that failed later may have left their value in slot 0: run it again.
        again = _run_chunk(f, task, frame, begin, chunk, total)
        leave(f, f.select(f.ne(again, 0), again, code))
    return f.constant(0, "i64")


def _add_entries(module: Module, state: _State) -> None:
    """The functions that programs are given, one for each limit."""
    names = ["penstock_parallel", "penstock_serial"]
    f = module.function("penstock_parallel", _LOOP, result="i64")
    limit = f.load_atomic(state.default_limit, "i32", "monotonic")
    f.ret(call_own(f, "pool_limited", [*f.parameters, limit], "i64"))
    for number in range(2, MOST_LIMITS + 1):
        names.append(f"penstock_parallel_{number}")
        f = module.function(names[-1], _LOOP, result="i64", internal=True)
        limit = f.constant(number, "i32")
        f.ret(call_own(f, "pool_limited", [*f.parameters, limit], "i64"))
    entries = ", ".join(f"ptr @{name}" for name in names)
    module.variable(
        "penstock_parallel_entries",
        f"[{len(names)} x ptr] [{entries}]",
        8,
        internal=False,
    )
