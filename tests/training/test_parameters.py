"""Parameters come back from a file as they were, and damage is one clear error."""

import contextlib
import json
import os
from dataclasses import dataclass
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy

import penstock as ps


class Pair(NamedTuple):
    left: Any
    right: Any


@dataclass
class Layer:
    weight: Any
    bias: Any


DTYPES = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"]
TREE = {
    "blocks": [{"w": np.arange(6.0).reshape(2, 3)}, {"w": np.zeros((0, 4), "f4")}],
    "pair": Pair(np.array(3, np.int8), Layer(np.ones(1), None)),
    "rate": 0.5,
    "all": tuple(np.arange(3).astype(code) for code in DTYPES),
    "strided": np.arange(12.0).reshape(3, 4).T[::2],
    3: np.array([np.nan, np.inf, -0.0]),
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def same(found, expected):
    for a, b in zip(ps.tree_leaves(found), ps.tree_leaves(expected), strict=True):
        b = np.asarray(b)
        assert (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())


def test_nesting_comes_back(path):
    ps.save_params(path, TREE)
    found = ps.load_params(path)
    same(found, TREE)
    assert list(found) == list(TREE)
    assert type(found["pair"]) is Pair
    assert type(found["pair"].right) is Layer
    assert found["pair"].right.bias is None
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("value", [np.arange(3.0), 2.5, {}, [], None, ((),)])
def test_small_values_come_back(path, value):
    ps.save_params(path, value)
    found = ps.load_params(path)
    same(found, value)
    assert ps.tree_map(lambda x: 0, found) == ps.tree_map(lambda x: 0, value)


def test_bfloat16(path):
    array = np.array([1.5, 2.5], ml_dtypes.bfloat16)
    ps.save_params(path, [array])
    same(ps.load_params(path), [array])


def test_other_programs_read_it(path):
    ps.save_params(path, TREE)
    found = safetensors.numpy.load_file(path)
    np.testing.assert_array_equal(found["blocks.0.w"], TREE["blocks"][0]["w"])
    np.testing.assert_array_equal(found["strided"], TREE["strided"])
    assert found["pair.right.weight"].shape == (1,)


def test_parameters_of_another_byte_order_are_like_what_was_saved(path):
    parameters = {"a": np.arange(3).astype(">f8"), "b": np.ones(2)}
    ps.save_params(path, parameters)
    found = ps.load_params(path, like=parameters)
    np.testing.assert_array_equal(found["a"], [0, 1, 2])
    assert found["a"].dtype == np.float64


def test_what_other_programs_wrote(path):
    safetensors.numpy.save_file({"a.b": np.ones(2), "c": np.zeros(1)}, path)
    assert sorted(ps.load_params(path)) == ["a.b", "c"]
    found = ps.load_params(path, like={"c": np.ones(1), "a": {"b": np.ones(2)}})
    np.testing.assert_array_equal(found["a"]["b"], 1)
    assert list(found) == ["c", "a"]


def test_a_local_class_needs_like(path):
    class Local(NamedTuple):
        x: Any

    ps.save_params(path, Local(np.ones(2)))
    assert list(ps.load_params(path)) == ["x"]
    assert type(ps.load_params(path, like=Local(np.zeros(2)))) is Local


def test_like_names_what_differs(path):
    ps.save_params(path, {"a": np.ones(2, np.float32), "b": np.ones(3), "d": 1.0})
    with pytest.raises(ps.errors.StructureError) as caught:
        ps.load_params(path, like={"a": np.ones(2), "b": np.ones(4), "c": 1})
    assert caught.value.code == "params-mismatch"
    assert caught.value.message == (
        f"load_params: in {path} c is missing, d is not wanted, a is float32[2], not "
        "float64[2], and 1 more"
    )


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"a": "x"}, "save_params: a is a str of <U1, not an array of numbers"),
        (
            {"a": [np.array([1j])]},
            "save_params: a.0 is a ndarray of complex128, not an array of numbers",
        ),
        (
            {"a": {"b": 1}, "a.b": 2},
            "save_params: two arrays would have the name 'a.b'",
        ),
    ],
)
def test_what_cannot_be_saved(path, tree, message):
    with pytest.raises(ps.errors.StructureError) as caught:
        ps.save_params(path, tree)
    assert caught.value.code == "unsaved-leaf"
    assert caught.value.message == message
    assert not path.exists()


def test_damage_is_one_error(path):
    ps.save_params(path, TREE)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    cut = [whole[:n] for n in (0, 1, 7, 8, 9, 100, len(whole) - 1)]
    for data in [*cut, b"x" * 100, b"\xff" * 8 + whole[8:], whole + b"x"]:
        path.write_bytes(data)
        with pytest.raises(ps.errors.ArtifactError) as caught:
            ps.load_params(path)
        assert caught.value.code == "params-damaged"
        assert caught.value.message.startswith(str(path))
    for _ in range(200):
        data = bytearray(whole)
        data[rng.integers(len(data))] ^= 1 << rng.integers(8)
        path.write_bytes(data)
        # A number may have changed, which nothing tells; else it is the one error.
        with contextlib.suppress(ps.errors.ArtifactError):
            ps.load_params(path)


@pytest.mark.parametrize(
    "form",
    [
        "leaf", {"kind": "list", "children": ["leaf", "leaf"]}, 3, {"kind": "x"},
        {"kind": "named", "children": ["leaf"], "keys": ["a"], "owner": ["os", "abc"]},
    ],
)  # fmt: skip
def test_a_structure_that_does_not_hold(path, form):
    metadata = {"penstock.structure": json.dumps(form)}
    safetensors.numpy.save_file({"a.b": np.ones(2)}, path, metadata)
    with pytest.raises(ps.errors.ArtifactError) as caught:
        ps.load_params(path)
    assert caught.value.code == "params-damaged"


def test_a_wrong_path_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        ps.load_params(tmp_path / "nothing")
    with pytest.raises(IsADirectoryError):
        ps.load_params(tmp_path)
    with pytest.raises(FileNotFoundError):
        ps.save_params(tmp_path / "no" / "folder", TREE)


def test_without_the_package(monkeypatch, path):
    monkeypatch.setitem(os.sys.modules, "safetensors", None)
    with pytest.raises(ImportError) as caught:
        ps.save_params(path, TREE)
    assert caught.value.code == "missing-package"
    assert "pip install 'penstock[safetensors]'" in str(caught.value)
