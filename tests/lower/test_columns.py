"""Reductions of columns, whatever number of columns the vectors leave over."""

import re

import numpy as np
import pytest

import penstock as ps

random = np.random.default_rng(0)
COUNTS = (1, 3, 4, 7, 8, 15, 16, 17, 31, 33, 63, 64, 65, 100, 129)
DTYPES = (np.bool, np.uint8, np.int16, np.float16, np.float32, np.int64, np.float64)
REDUCTIONS = {
    "max": lambda x: x.max(axis=0),
    "any": lambda x: (x > 1).any(axis=0),
    "mean": lambda x: x.mean(axis=0, dtype=np.float64),
    "both": lambda x: (x.min(axis=0), x.sum(axis=0, dtype=np.int64)),
    "spread": lambda x: x - x.max(axis=0).astype(np.int64),
}


@pytest.mark.parametrize("target", ["x86-64", "x86-64-v3", None])
@pytest.mark.parametrize("name", REDUCTIONS)
def test_all_counts_of_columns(name, target):
    function = REDUCTIONS[name]
    with ps.config(**({} if target is None else {"target": target})):
        compiled = ps.compile(function)
        for dtype in DTYPES:
            for count in COUNTS:
                x = random.integers(0, 5, (6, count)).astype(dtype)
                found, wanted = compiled(x), function(x)
                np.testing.assert_array_equal(found, wanted)
                assert np.asarray(found).dtype == np.asarray(wanted).dtype


def loads(function, dtype):
    """The vectors that are loaded, as LLVM names their types."""
    with ps.config(target="x86-64-v3"):
        text = ps.compile(function).lower(np.ones((9, 9), dtype)).text("llvm")
    return set(re.findall(r" = load (<\d+ x \w+>)", text))


def test_columns_that_fill_no_block_of_registers_fill_fewer():
    """Each walks through all rows: one column alone takes as long as a vector."""
    assert loads(REDUCTIONS["max"], np.float64) == {
        "<16 x double>", "<8 x double>", "<4 x double>",
    }  # fmt: skip
    assert "<32 x i8>" in loads(REDUCTIONS["max"], np.uint8)


def test_bools_of_columns_stay_in_one_register():
    assert loads(REDUCTIONS["any"], np.uint8) == {"<32 x i8>"}
    assert loads(REDUCTIONS["any"], np.int16) == {"<32 x i16>", "<16 x i16>"}


def test_columns_that_fill_no_register_are_computed_with_others():
    """The index of the last vector is cut as the end of a block of columns is."""
    with ps.config(target="x86-64-v3"):
        text = (
            ps.compile(REDUCTIONS["any"]).lower(np.ones((9, 9), np.uint8)).text("llvm")
        )
    kernel = text.split("@penstock_prepare")[0]
    assert kernel.count("call i64 @llvm.smin.i64(") == 2


def test_columns_that_are_stored_and_loaded_again():
    """A vector that is computed again stores all of its columns anew."""

    def scaled(x):
        e = np.exp(x - x.max(axis=0))
        return e / e.sum(axis=0)

    with ps.config(target="x86-64-v3"):
        compiled = ps.compile(scaled)
        for count in COUNTS:
            x = random.standard_normal((5, count))
            np.testing.assert_allclose(compiled(x), scaled(x), rtol=1e-14)
