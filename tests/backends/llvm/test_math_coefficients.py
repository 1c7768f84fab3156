"""The literals in the math functions are what the fitting tool prints."""

import pytest

from penstock.backends.llvm import (
    math_error,
    math_exponential,
    math_inverse,
    math_logarithm,
    math_power,
    math_root,
    math_table,
    math_trigonometric,
)
from penstock.ir.ops import gamma
from tests.sweeps import one_in
from tools import fit_math

BY_ELEMENT = {
    "EXP": math_exponential._EXP_TAIL,
    "EXP2": math_exponential._EXP2_TAIL,
    "TANH": math_exponential._TANH_SMALL,
    "SINH": math_exponential._SINH_SMALL,
    "SIN": math_trigonometric._SIN,
    "COS": math_trigonometric._COS,
    "TAN": math_trigonometric._TAN,
    "LOG": math_logarithm._LOG_TAIL,
    "LOG_TABLE": math_table._LOG_TAIL,
    "ERF": math_error._SMALL,
    "ERF_LOG": math_error._LARGE,
    "ASIN": math_inverse._ASIN,
    "ATAN": math_inverse._ATAN,
    "CBRT": math_root._CBRT,
}
LITERALS = {
    "POW_LOG2": math_power._LOG2_SHORT,
    "POW_EXP2": math_power._EXP2_SHORT,
    "POW_ATANH": math_power._ATANH_TAIL,
    "ERFC": math_error._SCALED_ERFC,
    "LOG_GAMMA": gamma._LOG_GAMMA,
    "DIGAMMA": gamma._DIGAMMA,
    "STIRLING": gamma._STIRLING,
    "DIGAMMA_REST": gamma._DIGAMMA_REST,
    "POW_TABLE": math_table._LOG2_TAIL,
    **{
        f"{name}_{element.upper()}": literals[element]
        for name, literals in BY_ELEMENT.items()
        for element in ("f32", "f64")
    },
}


@pytest.mark.parametrize("wanted", one_in(3, fit_math.FITS), ids=lambda fit: fit.name)
def test_polynomials_are_those_of_the_tool(wanted):
    found, _ = fit_math.fit(wanted)
    assert tuple(map(float, found)) == tuple(LITERALS[wanted.name])


def test_every_polynomial_has_a_fit():
    assert set(LITERALS) == {fit.name for fit in fit_math.FITS}


def test_tables_are_those_of_the_tool(capsys, monkeypatch):
    names = ["TANH_ROWS", "ERF_ROWS", "LOG_ROWS_24", "LOG_ROWS_53"]
    monkeypatch.setattr("sys.argv", ["fit_math.py", *names])
    fit_math.main()
    printed = capsys.readouterr().out
    digits = "".join(word for word in printed.replace('"', "").split())
    tables = [
        *math_table._TANH_ROWS,
        *math_table._ERF_ROWS,
        *math_table._LOG_ROWS_F32,
        *math_table._LOG_ROWS_F64,
        math_table._LOG2_ROW,
    ]
    for row in tables:
        assert row.replace(" ", "") in digits
