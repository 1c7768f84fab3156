"""How a call becomes leaves, and which leaves a variant takes."""

import functools
import pickle
from types import SimpleNamespace

import numpy as np
import pytest

from penstock.ir.errors import ArtifactError, DtypeError, StructureError
from penstock.ir.types import DTYPES, f32, f64, i64
from penstock.runtime.leaves import leaf_from_json
from penstock.runtime.pytree import LEAF, flat_tuple, flatten
from penstock.runtime.signature import (
    ArgumentReader,
    ArrayLeaf,
    ArrayResult,
    AttributeReader,
    Binder,
    Captured,
    CellReader,
    ConstantResult,
    DefaultReader,
    GlobalReader,
    InstanceLeaf,
    IntegerLeaf,
    IntegerResult,
    ItemReader,
    KeyLeaf,
    ParameterResult,
    RealLeaf,
    RealResult,
    Signature,
    ValueReader,
    leaf_of,
    normalize,
)


def _plain(x, scale=2.0):
    return x, scale


def _gathering(x, /, y=1, *rest, key, other="o", **options):
    return x, y, rest, key, other, options


class TestBinder:
    def test_positional_arguments_bind_one_to_one(self):
        call = Binder.of(_plain).bind((1, 2), {})
        assert call.values == (1, 2)
        assert call.leaf_names() == ("x", "scale")

    def test_defaults_and_keywords(self):
        binder = Binder.of(_plain)
        assert binder.bind((1,), {}).values == (1, 2.0)
        assert binder.bind((), {"scale": 3, "x": 4}).values == (4, 3)

    @pytest.mark.parametrize(
        ("args", "kwargs"),
        [
            ((1,), {"key": 2}),
            ((1, 2, 3, 4), {"key": 5, "z": 6, "x": 7}),
            ((1,), {"y": 8, "key": 9, "other": None}),
        ],
    )
    def test_every_kind_of_parameter(self, args, kwargs):
        call = Binder.of(_gathering).bind(args, kwargs)
        assert call.values == _gathering(*args, **kwargs)

    @pytest.mark.parametrize(
        ("args", "kwargs", "message"),
        [
            ((), {}, "_plain() missing the argument 'x'"),
            ((1, 2, 3), {}, "_plain() takes 2 positional arguments but 3 were given"),
            ((1,), {"y": 2}, "_plain() got an unexpected keyword argument 'y'"),
            ((1,), {"x": 2}, "_plain() got multiple values for argument 'x'"),
        ],
    )
    def test_calls_that_do_not_fit(self, args, kwargs, message):
        with pytest.raises(TypeError):
            _plain(*args, **kwargs)
        with pytest.raises(StructureError) as caught:
            Binder.of(_plain).bind(args, kwargs)
        assert f": error: {message} [bad-call]\n" in str(caught.value)
        mark = "^" * len("Binder.of(_plain).bind(args, kwargs)")
        assert str(caught.value).endswith(f"{mark}\n  help: it takes (x, scale=...)")

    @pytest.mark.parametrize(
        ("function", "parameters"),
        [
            (lambda: 0, ""),
            (lambda x, /: 0, "x, /"),
            (lambda x, y=1, /, *, key: 0, "x, y=..., /, *, key"),
            (lambda x, *rest, key=1, **other: 0, "x, *rest, key=..., **other"),
            (lambda *, key, other=2: 0, "*, key, other=..."),
        ],
    )
    def test_what_the_function_takes_is_told(self, function, parameters):
        with pytest.raises(StructureError) as caught:
            Binder.of(function).bind((), {"x": 1} if "key" not in parameters else {})
        assert caught.value.hint == f"it takes ({parameters})"

    def test_a_positional_parameter_has_no_keyword(self):
        with pytest.raises(StructureError, match="missing the argument 'x'"):
            Binder.of(lambda x, /: x).bind((), {"x": 1})

    def test_defaults_are_read_at_each_call(self):
        def f(a, b=1, *, c=2):
            return a

        binder = Binder.of(f)
        f.__defaults__ = (10, 20)
        f.__kwdefaults__ = {"c": 30}
        assert binder.bind((0,), {}).values == (0, 20, 30)
        f.__defaults__ = None
        with pytest.raises(StructureError, match="missing the argument 'b'"):
            binder.bind((0,), {})

    def test_methods_and_partials(self):
        class Model:
            def step(self, x, rate):
                return x

        binder = Binder.of(functools.partial(Model().step, rate=0.5))
        assert binder.bind((1,), {}).values == (1, 0.5)

    def test_a_wrapper_takes_what_it_takes(self):
        @functools.wraps(_plain)
        def wrapper(*args):
            return _plain(*args)

        assert Binder.of(wrapper).names == ("args",)

    def test_what_does_not_say_what_it_takes(self):
        with pytest.raises(StructureError) as caught:
            Binder.of(type)
        assert str(caught.value) == (
            "error: type does not say what parameters it takes [no-signature]\n"
            "  help: wrap it in a Python function, e.g. lambda x: ..."
        )

    def test_json(self):
        binder = Binder.of(_gathering)
        form = binder.to_json(lambda name, value: [name, value])
        back = Binder.from_json(form, lambda value: value[1])
        assert back.bind((1,), {"key": 2}).values == (1, 1, (), 2, "o", {})
        with pytest.raises(ArtifactError):
            Binder.from_json({"name": "f", "parameters": [{"name": "x"}]}, id)


class TestLeaves:
    @pytest.mark.parametrize("name", sorted(set(DTYPES) - {"bf16"}))
    def test_arrays_of_every_dtype(self, name):
        dtype = DTYPES[name]
        leaf = ArrayLeaf(dtype, 1)
        assert leaf_of(np.zeros(3, dtype.numpy)) == leaf
        for other in DTYPES.values():
            if other.name != "bf16":
                accepted = leaf.accepts(np.zeros(3, other.numpy))
                assert accepted == (other is dtype)

    def test_both_names_of_a_long_integer(self):
        leaf = ArrayLeaf(i64, 1)
        assert leaf.accepts(np.zeros(3, "long"))
        assert leaf.accepts(np.zeros(3, "longlong"))

    def test_an_unpickled_dtype(self):
        array = pickle.loads(pickle.dumps(np.zeros(3, np.float32)))
        assert ArrayLeaf(f32, 1).accepts(array)

    def test_layouts(self):
        contiguous, strided = ArrayLeaf(f64, 2), ArrayLeaf(f64, 2, "strided")
        square = np.zeros((4, 4))
        assert leaf_of(square) == contiguous
        assert leaf_of(square.T) == strided
        assert strided.accepts(square)
        assert not contiguous.accepts(square.T)
        assert contiguous.accepts(np.zeros((4, 1)).T)

    def test_fixed_sizes(self):
        leaf = ArrayLeaf(f64, 2, sizes=(None, 3))
        assert leaf.accepts(np.zeros((7, 3)))
        assert not leaf.accepts(np.zeros((7, 4)))
        assert leaf.describe() == "f64[_,3]"

    @pytest.mark.parametrize(
        ("leaf", "accepted", "refused"),
        [
            (IntegerLeaf(), [0, -1, 2**63 - 1, -(2**63)], [True, 2**63, 1.0, "1"]),
            (RealLeaf(), [0.0, float("nan")], [1, True, np.float64(1), "1"]),
            (KeyLeaf("a"), ["a"], ["b", b"a", None]),
            (KeyLeaf(None), [None], [0, False]),
            (KeyLeaf(1), [1], [True, 1.0, 2]),
            (KeyLeaf(0.0), [0.0], [-0.0, 0]),
            (InstanceLeaf(SimpleNamespace), [SimpleNamespace()], [1, SimpleNamespace]),
        ],
        ids=repr,
    )
    def test_values_and_keys(self, leaf, accepted, refused):
        assert all(leaf.accepts(value) for value in accepted)
        assert not any(leaf.accepts(value) for value in refused)

    def test_defaults(self):
        assert leaf_of(3) == IntegerLeaf()
        assert leaf_of(2**80) == KeyLeaf(2**80)
        assert leaf_of(0.5) == RealLeaf()
        assert leaf_of(True) == KeyLeaf(True)

    def test_dtypes_that_there_are_not(self):
        with pytest.raises(DtypeError) as caught:
            leaf_of(np.array(["a"]))
        assert str(caught.value) == (
            "error: arrays of dtype <U1 are not supported [dtype]\n"
            "  help: use bool, an integer or a floating dtype"
        )

    def test_json(self):
        for leaf in (
            ArrayLeaf(f32, 2), ArrayLeaf(i64, 1, "strided", (3,)), IntegerLeaf(),
            RealLeaf(), KeyLeaf("fast"), KeyLeaf(np.sin),
        ):  # fmt: skip
            back = leaf_from_json(leaf.to_json())
            if isinstance(leaf, KeyLeaf):
                assert back.accepts(leaf.value)
            else:
                assert back == leaf

    def test_an_instance_cannot_be_written(self):
        with pytest.raises(ArtifactError, match="cannot be an argument of a saved"):
            InstanceLeaf(SimpleNamespace).to_json()


class TestNormalize:
    def test_plain_arrays_are_left_alone(self):
        array = np.zeros((3, 4))[:, ::2]
        assert normalize(array) is array

    def test_scalars_become_arrays(self):
        array = normalize(np.float32(1.5))
        assert type(array) is np.ndarray
        assert (array.shape, array.dtype, array[()]) == ((), np.float32, 1.5)

    def test_foreign_byte_order_is_copied(self):
        array = normalize(np.arange(3, dtype=">f8"))
        assert array.dtype.isnative
        assert array.tolist() == [0, 1, 2]

    def test_misaligned_arrays_are_copied(self):
        raw = np.zeros(17, np.uint8)
        array = normalize(raw[1:].view(np.float64))
        assert array.flags.aligned
        assert array.shape == (2,)

    def test_subclasses(self):
        class Mine(np.ndarray):
            pass

        class Number(np.float64):
            pass

        class Map(np.memmap):
            pass

        assert type(normalize(np.zeros(3).view(np.memmap))) is np.ndarray
        masked = np.ma.masked_array([1.0], [True])
        for own in (
            masked, np.zeros(1).view(Mine), np.zeros(1).view(Map), Number(2.0),
            np.zeros(1).view(np.recarray),
        ):  # fmt: skip
            assert normalize(own) is own
            assert not leaf_of(np.zeros(1)).accepts(own)
            assert not leaf_of(np.zeros(())).accepts(own)


W = np.arange(3.0)


class TestReaders:
    def test_globals_and_builtins(self):
        assert GlobalReader(globals(), "W").read() is W
        assert GlobalReader(globals(), "len").read() is len
        assert GlobalReader({"__builtins__": {"x": 1}}, "x").read() == 1
        with pytest.raises(NameError):
            GlobalReader(globals(), "nothing_of_this_name").read()

    def test_cells(self):
        value = 1

        def inner():
            return value

        reader = CellReader(inner.__closure__[0], "value")
        assert reader.read() == 1
        value = 2
        assert reader.read() == 2

    def test_defaults(self):
        def f(a, b=1, c=2, *, d=3):
            return a

        names = {name: DefaultReader(f, name).read() for name in "bcd"}
        assert names == {"b": 1, "c": 2, "d": 3}
        f.__defaults__ = (20,)
        assert DefaultReader(f, "c").read() == 20
        with pytest.raises(LookupError):
            DefaultReader(f, "b").read()

    def test_paths(self):
        model = SimpleNamespace(layers=[{"w": 1}])
        root = ArgumentReader(1, "model")
        reader = ItemReader(ItemReader(AttributeReader(root, "layers"), 0), "w")
        assert reader.read([None, model]) == 1
        assert reader.describe() == "model.layers[0]['w']"
        assert AttributeReader(GlobalReader(globals(), "W"), "T").describe() == "W.T"

    def test_equal_places_are_equal(self):
        one, other = (AttributeReader(GlobalReader(globals(), "W"), "T") for _ in "ab")
        assert one == other
        assert hash(one) == hash(other)
        assert one != AttributeReader(GlobalReader({}, "W"), "T")
        assert ItemReader(one, 1) != ItemReader(one, True)
        assert len({one, other, ItemReader(one, 1), ValueReader(W, "W")}) == 3


def _signature(**changes):
    parts = {
        "parameters": ("x", "mode", "k"),
        "structure": flat_tuple(3),
        "leaves": (
            ArrayLeaf(f32, 2),
            KeyLeaf("fast"),
            IntegerLeaf(),
            KeyLeaf(np),
            ArrayLeaf(f64, 1),
        ),
        "captured": (
            Captured(GlobalReader(globals(), "np")),
            Captured(GlobalReader(globals(), "W")),
        ),
        "results": (
            ArrayResult(f32, 2),
            IntegerResult(4),
            RealResult(5),
            ConstantResult("done"),
            ParameterResult(4),
            ParameterResult(3),
        ),
        "result_structure": flat_tuple(6),
    }
    return Signature(**parts | changes)


class TestSignature:
    def test_slots_and_sizes(self):
        signature = _signature()
        assert signature.argument_count == 3
        assert signature.slot_offsets == (1, 4, 4, 5, 5, 8)
        assert signature.slot_count == 9
        assert signature.size_count == 6

    def test_names(self):
        signature = _signature()
        assert signature.leaf_names() == ("x", "mode", "k", "global np", "global W")
        assert signature.describe() == "x: f32[_,_], mode: 'fast', k: int"

    def test_captured_state_is_read_each_time(self, monkeypatch):
        signature = _signature()
        read = signature.read_captured([])
        assert read[0] is np
        assert read[1] is W
        monkeypatch.setitem(globals(), "W", np.float32(3))
        assert signature.read_captured([])[1].shape == ()
        monkeypatch.delitem(globals(), "W")
        assert signature.read_captured([]) is None

    def test_captured_containers_keep_their_structure(self):
        names = {"params": {"w": W, "rate": 0.5}}
        structure = flatten(names["params"])[1]
        signature = Signature(
            (),
            flat_tuple(0),
            (ArrayLeaf(f64, 1), RealLeaf()),
            (Captured(GlobalReader(names, "params"), structure),),
        )
        assert signature.read_captured([]) == [W, 0.5]
        assert signature.leaf_names() == ("global params['w']", "global params['rate']")
        names["params"]["more"] = 1
        assert signature.read_captured([]) is None

    def test_json(self):
        signature = _signature()
        back = Signature.from_json(signature.to_json([{"stored": 1}]), [W])
        assert back.parameters == signature.parameters
        assert back.structure == signature.structure
        # The key np is left out, so that what follows it moves up.
        kinds = (ArrayLeaf, KeyLeaf, IntegerLeaf, ArrayLeaf)
        assert tuple(map(type, back.leaves)) == kinds
        assert back.read_captured([]) == [W]
        assert back.results[:4] == signature.results[:4]
        assert back.results[4] == ParameterResult(3)
        assert back.results[5] == ConstantResult(np)
        assert back.result_structure == signature.result_structure

    @pytest.mark.parametrize(
        "change",
        [
            {"structure": "leaf"},
            {"parameters": ["x"]},
            {"leaves": []},
            {"results": [["array", "f32", 65]]},
            {"results": [["parameter", 9]] * 6},
            {"results": [["array", "f99", 1]] * 6},
            {"result_structure": "leaf"},
            {"captured": [{}]},
        ],
        ids=repr,
    )
    def test_forms_that_cannot_be_read(self, change):
        form = _signature().to_json([{"stored": 1}]) | change
        with pytest.raises(ArtifactError):
            Signature.from_json(form, [W])


def test_a_leaf_is_its_own_structure():
    assert flatten(W)[1] is LEAF
