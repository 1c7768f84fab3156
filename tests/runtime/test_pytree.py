"""Nested data taken apart and put together."""

import sys
from collections import namedtuple
from dataclasses import dataclass, field
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.ir.errors import ArtifactError, StructureError
from penstock.runtime.pytree import LEAF, NONE, Structure, flatten, unflatten

Point = namedtuple("Point", "x y")


@dataclass(frozen=True)
class Frozen:
    w: object
    name: str = "layer"


@dataclass
class Derived:
    w: object
    double: object = field(init=False)

    def __post_init__(self):
        self.double = [self.w, self.w]


@dataclass(slots=True)
class Slotted:
    a: object
    b: object


_LEAVES = st.one_of(st.integers(), st.floats(), st.booleans(), st.text(), st.binary())
_KEYS = st.one_of(st.text(), st.integers(), st.booleans(), st.floats(allow_nan=False))
_TREES = st.recursive(
    st.one_of(_LEAVES, st.none()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(_KEYS, inner, max_size=4),
        st.builds(Point, inner, inner),
        st.builds(Frozen, inner),
        st.builds(Slotted, inner, inner),
    ),
    max_leaves=20,
)


@given(_TREES)
def test_what_is_flattened_comes_back(tree):
    leaves, structure = flatten(tree)
    assert structure.leaf_count == len(leaves)
    assert repr(unflatten(structure, leaves)) == repr(tree)


@given(_TREES)
def test_a_structure_survives_json(tree):
    leaves, structure = flatten(tree)
    again = Structure.from_json(structure.to_json())
    assert again == structure
    assert structure == again
    assert hash(again) == hash(structure)
    assert repr(unflatten(again, leaves)) == repr(tree)


@given(_TREES, _TREES)
def test_equal_structures_are_written_alike(left, right):
    one, two = flatten(left)[1], flatten(right)[1]
    if one == two:
        assert repr(one) == repr(two)
        assert hash(one) == hash(two)
    else:
        assert one.to_json() != two.to_json()


def test_the_leaves_of_a_tuple_are_its_items():
    array = np.zeros(3)
    leaves, structure = flatten((array, 2, "three"))
    assert leaves[0] is array
    assert leaves[1:] == [2, "three"]
    assert structure == flatten((1, 2, 3))[1]
    assert structure.paths() == ("[0]", "[1]", "[2]")


def test_none_is_structure():
    assert flatten(None) == ([], NONE)
    assert flatten((None, 1))[1] != flatten((1, None))[1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((1,), [1]),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({1: 0}, {True: 0}),
        ({1: 0}, {1.0: 0}),
        ({0.0: 0}, {-0.0: 0}),
        (Point(1, 2), (1, 2)),
        (Frozen(1), Slotted(1, "layer")),
        ((), None),
    ],
)
def test_structures_that_differ(one, other):
    assert flatten(one)[1] != flatten(other)[1]


def test_dicts_keep_the_order_of_their_keys():
    leaves, structure = flatten({"b": 1, "a": 2})
    assert leaves == [1, 2]
    assert list(unflatten(structure, [10, 20]).items()) == [("b", 10), ("a", 20)]


def test_a_dataclass_comes_back_without_running_its_code():
    leaves, structure = flatten(Derived(1))
    assert leaves == [1, 1, 1]
    back = unflatten(structure, [1, 2, 3])
    assert (back.w, back.double) == (1, [2, 3])


def test_paths_name_every_leaf():
    tree = {"layers": [Point(1, Frozen(2))], "rate": 0.5}
    assert flatten(tree)[1].paths() == (
        "['layers'][0].x",
        "['layers'][0].y.w",
        "['layers'][0].y.name",
        "['rate']",
    )


def test_a_list_that_contains_itself():
    endless = [1]
    endless.append(endless)
    with pytest.raises(StructureError) as caught:
        flatten(endless)
    assert str(caught.value) == (
        "error: the data nests more than 200 levels deep [deep-structure]\n"
        "  help: does a list or dict contain itself?"
    )


def test_a_field_that_was_never_set():
    broken = object.__new__(Slotted)
    with pytest.raises(
        StructureError, match="the field 'a' of a Slotted was never set"
    ):
        flatten(broken)


def test_subclasses_of_containers_are_leaves():
    class Special(dict):
        pass

    special = Special(a=1)
    assert flatten(special) == ([special], LEAF)


def test_the_wrong_number_of_leaves():
    with pytest.raises(ValueError, match="holds 2 leaves, not 3"):
        unflatten(flatten((1, 2))[1], [1, 2, 3])


@pytest.fixture
def shapes_module(monkeypatch):
    """A module that is imported while a structure is written, and then no more."""
    module = ModuleType("shapes_of_the_test")
    code = (
        "from dataclasses import dataclass\nfrom typing import NamedTuple\n"
        "@dataclass\nclass Box:\n    w: float\n    h: float\n"
        "class Pair(NamedTuple):\n    a: int\n    b: int\n"
    )
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(code, vars(module))
    return module


def test_classes_that_are_not_imported_have_a_stand_in(shapes_module, monkeypatch):
    tree = (shapes_module.Box(1, 2), shapes_module.Pair(3, 4))
    leaves, structure = flatten(tree)
    form = structure.to_json()
    monkeypatch.delitem(sys.modules, shapes_module.__name__)
    box, pair = unflatten(Structure.from_json(form), leaves)
    assert repr((box, pair)) == "(Box(w=1, h=2), Pair(a=3, b=4))"
    assert (box.w, pair.b, pair[0]) == (1, 4, 3)
    assert shapes_module.__name__ not in sys.modules


def test_classes_that_are_imported_later_are_found(shapes_module, monkeypatch):
    structure = flatten(shapes_module.Box(1, 2))[1]
    form = structure.to_json()
    monkeypatch.delitem(sys.modules, shapes_module.__name__)
    read = Structure.from_json(form)
    assert read != structure
    monkeypatch.setitem(sys.modules, shapes_module.__name__, shapes_module)
    assert read == structure
    assert type(unflatten(read, [1, 2])) is shapes_module.Box


def test_a_class_with_other_fields_is_not_the_same(shapes_module):
    form = flatten(shapes_module.Box(1, 2))[1].to_json()
    form["keys"] = ["w", "depth"]
    back = unflatten(Structure.from_json(form), [1, 2])
    assert not isinstance(back, shapes_module.Box)
    assert back.depth == 2


def test_a_local_class_cannot_be_written():
    @dataclass
    class Local:
        x: int

    with pytest.raises(ArtifactError, match="cannot be found under its own name"):
        flatten(Local(1))[1].to_json()


@pytest.mark.parametrize(
    "form",
    [
        None,
        7,
        "tree",
        {},
        {"kind": "tuple"},
        {"kind": "set", "children": []},
        {"kind": "dict", "children": ["leaf"], "keys": []},
        {"kind": "named", "children": ["leaf"], "keys": ["a"], "owner": ["os"]},
        {"kind": "dict", "children": ["leaf"], "keys": [{"name": ["os", "nothing"]}]},
    ],
)
def test_forms_that_cannot_be_read(form):
    with pytest.raises(ArtifactError):
        Structure.from_json(form)


def test_a_form_nested_without_end():
    form = "leaf"
    for _ in range(400):
        form = {"kind": "tuple", "children": [form]}
    with pytest.raises(ArtifactError):
        Structure.from_json(form)
