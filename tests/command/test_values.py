"""Arguments as the command line spells them."""

import argparse

import numpy as np
import pytest

from penstock.command.errors import CommandError
from penstock.command.values import build_call, parse_argument


def built(text, random=None):
    return parse_argument(text).build(random)


@pytest.mark.parametrize(
    ("text", "dtype", "shape"),
    [
        ("f32[1024]", "float32", (1024,)),
        ("f64[2, 3 , 4]", "float64", (2, 3, 4)),
        ("u8[0]", "uint8", (0,)),
        ("bool[3]", "bool", (3,)),
        ("i64[]", "int64", ()),
        (" f16 [ ] ", "float16", ()),
        ("c64[5]", "complex64", (5,)),
    ],
)
def test_arrays(text, dtype, shape):
    array = built(text)
    assert (array.dtype, array.shape) == (np.dtype(dtype), shape)
    assert not array.any()


def test_arrays_of_bfloat16():
    assert built("bf16[4]").dtype.name == "bfloat16"


def test_transposed_arrays():
    array = built("f32[8,4].T")
    assert array.shape == (8, 4)
    assert array.flags.f_contiguous and not array.flags.c_contiguous


def test_random_arrays():
    random = np.random.default_rng(0)
    floats = built("f32[1000]", random)
    assert floats.dtype == np.float32
    assert abs(floats.mean()) < 0.2 and 0.8 < floats.std() < 1.2
    integers = built("i8[1000]", random)
    assert set(integers) == set(range(8))
    assert set(built("bool[100]", random)) == {True, False}
    assert (
        built("f32[9]", np.random.default_rng(7))
        == built("f32[9]", np.random.default_rng(7))
    ).all()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("-3", -3),
        ("0.5", 0.5),
        ("-1e-3", -1e-3),
        ("True", True),
        ("None", None),
        ("'fast'", "fast"),
        ('"a=b"', "a=b"),
        ("(1, 'a', [2.5])", (1, "a", [2.5])),
        ("{'k': {1: -2}}", {"k": {1: -2}}),
        ("()", ()),
    ],
)
def test_numbers_strings_and_nests_of_them(text, value):
    found = built(text)
    assert found == value
    assert type(found) is type(value)


def test_arrays_within_nests():
    found = built("{'w': f32[4,4], 'b': (f32[4], 1)}")
    assert found["w"].shape == (4, 4)
    assert found["b"][0].shape == (4,) and found["b"][1] == 1


def test_files(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(3))
    assert list(built(f"{tmp_path}/x.npy")) == [0, 1, 2]
    np.save(tmp_path / "objects.npy", np.array([{}]), allow_pickle=True)
    (tmp_path / "empty.npy").touch()
    for name in ("objects.npy", "empty.npy"):
        with pytest.raises(CommandError, match=rf"{name}: "):
            built(f"{tmp_path}/{name}")
    with pytest.raises(FileNotFoundError):
        built(f"{tmp_path}/none.npy")


def test_names():
    arguments = ["f32[2]", "scale=0.5", "params={'w': 1}", "x = x == 1"]
    parsed = [parse_argument(text) for text in arguments[:3]]
    assert [argument.name for argument in parsed] == [None, "scale", "params"]
    positional, named = build_call(parsed)
    assert [array.shape for array in positional] == [(2,)]
    assert named == {"scale": 0.5, "params": {"w": 1}}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "f32",
        "f32[",
        "f32[n]",
        "f32[-1]",
        "f32[2.5]",
        "f32[1:2]",
        "f32[True]",
        "g32[2]",
        "x",
        "x.y",
        "f(2)",
        "__import__('os')",
        "1 + 2",
        "-'a'",
        "f32[2].S",
        "{**a}",
        "[x for x in (1,)]",
        "lambda: 1",
        "(" * 5000,
        "-" * 5000 + "1",
        "a\0b",
    ],
)
def test_what_cannot_be_read(text):
    with pytest.raises(argparse.ArgumentTypeError) as caught:
        parse_argument(text)
    assert len(str(caught.value)) < 200
