"""Programs of a few lines, with the functions that every artifact exports."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from penstock.backends.llvm.emitter import Emitter, Module, Operand, Parameter
from penstock.backends.llvm.link import link_shared_object
from penstock.backends.llvm.object import emit_object
from penstock.backends.llvm.support import build_support
from penstock.ir.errors import StructureError
from penstock.ir.location import Location
from penstock.ir.types import f32, f64, i64
from penstock.runtime import support as support_module
from penstock.runtime.artifact import SHARED_OBJECT, Artifact, ErrorEntry
from penstock.runtime.binding import Binder, Call
from penstock.runtime.dispatch import Dispatcher, DispatchOptions, Variant
from penstock.runtime.executable import Executable
from penstock.runtime.load import pack, save
from penstock.runtime.machine import host
from penstock.runtime.native import new_callable, self_check
from penstock.runtime.pytree import flat_tuple, flatten
from penstock.runtime.signature import (
    ArrayLeaf,
    ArrayResult,
    IntegerLeaf,
    IntegerResult,
    RealLeaf,
    RealResult,
    Signature,
    leaf_of,
)
from penstock.runtime.support import Support

_WORK = 8  # where sizes hold the estimated work
_SHAPES = 16  # and where the results' sizes begin


@pytest.fixture(scope="session")
def support_data() -> bytes:
    """The support object's bytes."""
    return build_support()


@pytest.fixture(scope="session")
def support(support_data) -> Iterator[Support]:
    """The support object of this process."""
    loaded = support_module.load_support(lambda: support_data)
    assert loaded is not None
    return loaded


@dataclass
class Program:
    """A program and what is needed to make variants of it."""

    code: bytes
    signature: Signature
    errors: tuple[ErrorEntry, ...] = ()

    def variant(self, signature: Signature | None = None, **options) -> Variant:
        """A new variant, with code of its own."""
        return Variant(
            signature or self.signature, Executable(self.code), self.errors, **options
        )

    def artifact(self) -> Artifact:
        """The program as an artifact."""
        return Artifact(
            "program", host(), self.errors, parts={SHARED_OBJECT: self.code}
        )


def _field(f: Emitter, base: Operand, word: int, element: str = "i64") -> Operand:
    return f.load(f.offset(base, 8 * word), element, align=8)


def _set(f: Emitter, base: Operand, offset: int, value: Operand | int) -> None:
    if isinstance(value, int):
        value = f.constant(value, "i64")
    f.store(value, f.offset(base, offset), align=8)


def _begin() -> tuple[Module, Emitter]:
    module = Module(host())
    slots, sizes = Parameter("slots", "ptr"), Parameter("sizes", "ptr")
    f = module.function("penstock_prepare", [slots, sizes], result="i64")
    _set(f, f.parameters[1], 0, 0)
    _set(f, f.parameters[1], _WORK, 0)
    return module, f


def _run(module: Module) -> Emitter:
    parameters = [Parameter(n, "ptr") for n in ("slots", "arena", "parallel")]
    return module.function("penstock_run", parameters, result="i64")


def _task(module: Module) -> Emitter:
    frame = Parameter("frame", "ptr")
    ends = [Parameter("begin", "i64"), Parameter("end", "i64")]
    return module.function("task", [frame, *ends], result="i64", internal=True)


def _link(module: Module) -> bytes:
    return link_shared_object(emit_object(module.text()))


def _in_parallel(module: Module, f: Emitter, total: Operand, chunk: int) -> None:
    slots, _, parallel = f.parameters
    task = Operand("@task", "ptr")
    size = f.constant(chunk, "i64")
    f.ret(f.call(parallel, [task, slots, total, size], "i64"))


@pytest.fixture(scope="session")
def add_one() -> Callable[..., Program]:
    """x + 1 of f32: ``add_one(rank, layout)``; strided arrays have rank 1."""

    def make(rank: int = 1, layout: str = "contiguous", work: int = 0) -> Program:
        module, f = _begin()
        slots, sizes = f.parameters
        _set(f, sizes, _WORK, work)
        shape = _field(f, slots, 2, "ptr")
        for axis in range(rank):
            _set(f, sizes, _SHAPES + 8 * axis, _field(f, shape, axis))
        f.ret(f.constant(0, "i64"))
        f = _run(module)
        slots = f.parameters[0]
        x, shape, strides, y = (_field(f, slots, n, "ptr") for n in (1, 2, 3, 4))
        count = f.constant(1, "i64")
        for axis in range(rank):
            count = f.mul(count, _field(f, shape, axis))
        step = _field(f, strides, 0) if layout == "strided" else f.constant(4, "i64")
        with f.for_loop(f.constant(0, "i64"), count) as loop:
            value = f.load(f.offset(x, f.mul(loop.index, step)), "f32")
            f.store(f.add(value, 1.0), f.element_address(y, loop.index, "f32"))
        f.ret(f.constant(0, "i64"))
        signature = Signature(
            ("x",),
            flat_tuple(1),
            (ArrayLeaf(f32, rank, layout),),
            results=(ArrayResult(f32, rank),),
        )
        return Program(_link(module), signature)

    return make


@pytest.fixture(scope="session")
def axpy() -> Program:
    """a * x + y of a Python float and two f64 vectors, guarded by equal lengths."""
    module, f = _begin()
    slots, sizes = f.parameters
    n, m = (_field(f, _field(f, slots, s, "ptr"), 0) for s in (3, 6))
    _set(f, sizes, _SHAPES, n)
    f.ret(f.convert(f.ne(n, m), "i64", signed=False))
    f = _run(module)
    slots = f.parameters[0]
    a = _field(f, slots, 1, "f64")
    x, y, z = (_field(f, slots, n, "ptr") for n in (2, 5, 8))
    count = _field(f, _field(f, slots, 3, "ptr"), 0)
    with f.for_loop(f.constant(0, "i64"), count) as loop:
        left, right = (
            f.load(f.element_address(v, loop.index, "f64"), "f64") for v in (x, y)
        )
        total = f.add(f.mul(a, left), right)
        f.store(total, f.element_address(z, loop.index, "f64"))
    f.ret(f.constant(0, "i64"))
    signature = Signature(
        ("a", "x", "y"),
        flat_tuple(3),
        (RealLeaf(), ArrayLeaf(f64, 1), ArrayLeaf(f64, 1)),
        results=(ArrayResult(f64, 1),),
    )
    return Program(_link(module), signature)


@pytest.fixture(scope="session")
def take() -> Program:
    """x[i] in parallel, where i must be in range; 16 indices make a chunk."""
    module, f = _begin()
    slots, sizes = f.parameters
    _set(f, sizes, _SHAPES, _field(f, _field(f, slots, 5, "ptr"), 0))
    _set(f, sizes, _WORK, 1 << 40)
    f.ret(f.constant(0, "i64"))
    f = _run(module)
    count = _field(f, _field(f, f.parameters[0], 5, "ptr"), 0)
    _in_parallel(module, f, count, 16)
    f = _task(module)
    slots, begin, end = f.parameters
    x, i, y = (_field(f, slots, n, "ptr") for n in (1, 4, 7))
    n = _field(f, _field(f, slots, 2, "ptr"), 0)
    with f.for_loop(begin, end) as loop:
        index = f.load(f.element_address(i, loop.index, "i64"), "i64")
        with f.when(f.ge(index, n, signed=False)):
            _set(f, slots, 0, index)
            f.ret(f.constant(1, "i64"))
            f.begin(f.label("unreached"))
        value = f.load(f.element_address(x, index, "f64"), "f64")
        f.store(value, f.element_address(y, loop.index, "f64"))
    f.ret(f.constant(0, "i64"))
    signature = Signature(
        ("x", "i"),
        flat_tuple(2),
        (ArrayLeaf(f64, 1), ArrayLeaf(i64, 1)),
        results=(ArrayResult(f64, 1),),
    )
    entry = ErrorEntry(
        "index-out-of-bounds",
        "index {value} is out of bounds",
        "IndexOutOfBoundsError",
        Location("elsewhere.py", 12, 4, 8),
    )
    return Program(_link(module), signature, (entry,))


@pytest.fixture(scope="session")
def numbers() -> Program:
    """(sum of x as f64[], len(x) + k, k / 2) of an f64 vector and a Python int.

    The sum is formed in scratch memory, of which there are 8 * len(x) bytes.
    """
    module, f = _begin()
    slots, sizes = f.parameters
    n, k = _field(f, _field(f, slots, 2, "ptr"), 0), _field(f, slots, 4)
    _set(f, sizes, 0, f.mul(n, 8))
    _set(f, sizes, _SHAPES, f.add(n, k))
    half = f.mul(f.convert(k, "f64"), 0.5)
    _set(f, sizes, _SHAPES + 8, half)
    f.ret(f.constant(0, "i64"))
    f = _run(module)
    slots, arena, _ = f.parameters
    x, y = _field(f, slots, 1, "ptr"), _field(f, slots, 5, "ptr")
    n = _field(f, _field(f, slots, 2, "ptr"), 0)
    zero = f.constant(0, "i64")
    with f.for_loop(zero, n) as loop:
        value = f.load(f.element_address(x, loop.index, "f64"), "f64")
        f.store(value, f.element_address(arena, loop.index, "f64"), align=8)
    with f.for_loop(zero, n, carried=[f.constant(0.0, "f64")]) as loop:
        value = f.load(f.element_address(arena, loop.index, "f64"), "f64")
        loop.carry(f.add(loop.carried[0], value))
    f.store(loop.results[0], y)
    f.ret(zero)
    signature = Signature(
        ("x", "k"),
        flat_tuple(2),
        (ArrayLeaf(f64, 1), IntegerLeaf()),
        results=(ArrayResult(f64, 0), IntegerResult(2), RealResult(3)),
        result_structure=flat_tuple(3),
    )
    return Program(_link(module), signature)


@pytest.fixture(scope="session")
def entry() -> Program:
    """The address of what runs loops in parallel, as an array of one i64."""
    module, f = _begin()
    _set(f, f.parameters[1], _SHAPES, 1)
    f.ret(f.constant(0, "i64"))
    f = _run(module)
    slots, _, parallel = f.parameters
    f.store(parallel, _field(f, slots, 1, "ptr"), align=8)
    f.ret(f.constant(0, "i64"))
    signature = Signature((), flat_tuple(0), (), results=(ArrayResult(i64, 1),))
    return Program(_link(module), signature)


@pytest.fixture(scope="session")
def spin() -> Program:
    """Fill a vector of f64 with its thread's work: slow, in chunks of one element.

    Each element counts to 2**``steps``, an argument, and is then the chunk's number.
    """
    module, f = _begin()
    slots, sizes = f.parameters
    _set(f, sizes, _SHAPES, _field(f, slots, 1))
    _set(f, sizes, _WORK, 1 << 40)
    f.ret(f.constant(0, "i64"))
    f = _run(module)
    _in_parallel(module, f, _field(f, f.parameters[0], 1), 1)
    f = _task(module)
    slots, begin, _ = f.parameters
    y = _field(f, slots, 3, "ptr")
    steps = f.shift_left(f.constant(1, "i64"), _field(f, slots, 2))
    counter = f.allocate(8, 8)
    with f.for_loop(f.constant(0, "i64"), steps) as loop:
        f.emit(f"store volatile i64 {loop.index.text}, ptr {counter.text}")
    f.store(f.convert(begin, "f64"), f.element_address(y, begin, "f64"))
    f.ret(f.constant(0, "i64"))
    signature = Signature(
        ("count", "steps"),
        flat_tuple(2),
        (IntegerLeaf(), IntegerLeaf()),
        results=(ArrayResult(f64, 1),),
    )
    return Program(_link(module), signature)


@pytest.fixture
def axpy_of_any(axpy) -> Callable[[Call], Variant]:
    """Make variants of axpy for any nesting of its three arguments."""

    def make(call):
        kinds = [leaf_of(leaf) for leaf in call.leaves]
        if kinds != list(axpy.signature.leaves):
            raise TypeError(f"not for {kinds}")
        if call.leaves[1].shape != call.leaves[2].shape:
            raise TypeError("lengths differ")
        signature = axpy.signature.replace(
            parameters=tuple(call.names), structure=call.structure
        )
        return axpy.variant(signature)

    return make


class _Base:
    """What callables of tests derive from."""

    __slots__ = ()

    def method(self):
        return "of the base"

    def __repr__(self):
        return f"<compiled {self.__name__}>"


class _Counting(Dispatcher):
    """Counts the calls that reach the Python dispatcher."""

    reached = 0

    def __call__(self, *args, **kwargs):
        self.reached += 1
        return self.call(args, kwargs)


class _Pair:
    """The same function behind both dispatchers."""

    def __init__(self, function, make_variant, support, **options):
        binder, options = Binder.of(function), DispatchOptions(**options)
        self.oracle = Dispatcher(binder, options, make_variant)
        self.dispatcher = _Counting(binder, options, make_variant)
        self.native = new_callable(_Base, self.dispatcher, support)

    def check(self, *args, is_native=None, **kwargs):
        """Compare one call; ``is_native`` says whether Python may be reached."""
        expected = _outcome(self.oracle, args, kwargs)
        before = self.dispatcher.reached
        actual = _outcome(self.native, args, kwargs)
        assert actual == expected
        if is_native is not None:
            assert (self.dispatcher.reached == before) == is_native
        theirs, ours = self.oracle.statistics(), self.dispatcher.statistics()
        assert (theirs.calls, theirs.compiles) == (ours.calls, ours.compiles)
        return actual


def _outcome(function, args, kwargs):
    try:
        result = function(*args, **kwargs)
    except StructureError as error:
        # Each is called from a line of its own.
        return type(error), error.message, error.code, error.hint
    except Exception as error:  # noqa: BLE001
        return type(error), str(error)
    leaves, structure = flatten(result)
    return structure, [_exactly(leaf) for leaf in leaves]


def _exactly(leaf):
    if isinstance(leaf, np.ndarray):
        assert leaf.flags.c_contiguous
        assert leaf.flags.writeable
        assert leaf.base is None
        return leaf.shape, leaf.dtype, leaf.tobytes()
    return type(leaf), leaf


@pytest.fixture
def pair(support):
    """The same function behind both: ``pair(function, make_variant)``."""
    assert self_check() is None
    return lambda function, make_variant, **options: _Pair(
        function, make_variant, support, **options
    )


@pytest.fixture
def native(support) -> Callable[..., object]:
    """Make a callable with the native dispatcher: ``native(function, make_variant)``.

    ``make_variant`` takes the call, as the compiler would.
    """
    assert self_check() is None

    def make(function, make_variant, **options):
        binder = Binder.of(function)
        dispatcher = Dispatcher(binder, DispatchOptions(**options), make_variant)
        return new_callable(_Base, dispatcher, support)

    return make


@pytest.fixture
def saved(tmp_path, support) -> Callable[..., Path]:
    """Save a program as a file that other processes load."""

    def save_program(program: Program, function, *arguments) -> Path:
        variant = program.variant(artifact=program.artifact())
        binder = Binder.of(function)
        path = tmp_path / "program.pns"
        save(path, pack(binder, variant, binder.bind(arguments, {})))
        return path

    return save_program
