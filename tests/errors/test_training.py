"""The messages of what training needs: trees of arrays, files, convolutions."""

import sys

import numpy as np
import pytest

import penstock as ps
from penstock.convolution import convolution
from penstock.ir.errors import PenstockError


def message(function, *arguments, **options):
    with pytest.raises(PenstockError) as caught:
        function(*arguments, **options)
    return str(caught.value)


def test_tree_mismatch():
    text = message(ps.tree_map, lambda a, b: a, {"w": 1}, {"v": 1})
    head = "error: tree_map: trees differ: {'w': *} and {'v': *} [tree-mismatch]"
    assert head in text.splitlines()[0]
    assert text.splitlines()[-1] == (
        "  help: all trees must have the same nesting, with the same keys in the same "
        "order"
    )


def test_unsaved_leaf(tmp_path):
    pytest.importorskip("safetensors")
    text = message(ps.save_params, tmp_path / "a", {"w": "text"})
    head = (
        "error: save_params: w is a str of <U4, not an array of numbers [unsaved-leaf]"
    )
    assert head in text.splitlines()[0]
    assert text.splitlines()[-1] == "  help: leave it out, or save it elsewhere"


def test_two_arrays_of_one_name(tmp_path):
    pytest.importorskip("safetensors")
    leaf = np.ones(3)
    text = message(ps.save_params, tmp_path / "a", {"v.w": leaf, "v": {"w": leaf}})
    head = "error: save_params: two arrays would have the name 'v.w' [unsaved-leaf]"
    assert head in text.splitlines()[0]
    assert text.splitlines()[-1] == "  help: use keys without dots"


def test_params_mismatch(tmp_path):
    pytest.importorskip("safetensors")
    path = tmp_path / "a"
    ps.save_params(path, {"w": np.ones(3)})
    text = message(ps.load_params, path, like={"v": np.ones(3)})
    assert (
        f"error: load_params: in {path} v is missing, w is not wanted [params-mismatch]"
    ) in text.splitlines()[0]
    assert text.endswith(
        "\n  help: pass parameters nested, shaped and typed as those in the file"
    )


def test_params_damaged(tmp_path):
    pytest.importorskip("safetensors")
    path = tmp_path / "a"
    path.write_bytes(b"")
    whole = message(ps.load_params, path)
    first = whole.splitlines()[0]
    start = f"error: {path} is not a whole file of safetensors: "
    assert start in first
    # What the package says of it is its own.
    reason = first.partition(start)[2].partition(" [")[0]
    assert first.endswith(
        f"error: {path} is not a whole file of safetensors: {reason} [params-damaged]"
    )
    assert whole.endswith(
        "\n  help: save it again with ps.save_params, or copy it again"
    )


def test_option():
    x = np.ones((1, 1, 4, 4))
    text = message(convolution, x, x, stride={1})
    assert (
        "error: convolution: ({1}, 'same', 1, 1) are no strides, padding, dilation and "
        "groups [option]"
    ) in text.splitlines()[0]
    assert text.splitlines()[-1] == (
        "  help: give integers, or a sequence with one for each axis"
    )


def test_missing_package(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    text = message(ps.save_params, tmp_path / "a", {"w": np.ones(3)})
    assert text.splitlines()[0].endswith(
        "error: save_params and load_params need the package safetensors "
        "[missing-package]"
    )
    assert text.splitlines()[-1] == "  help: pip install 'penstock[safetensors]'"
