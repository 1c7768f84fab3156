"""What tests compile is read back, whatever they test."""

import numpy as np
import pytest

import penstock as ps
from penstock.ir.errors import TextError
from tests import reading_back


@pytest.mark.parametrize("reader", ["parse_function", "parse_plan"])
def test_a_text_that_reads_as_another_fails_the_test_that_compiled(reader, monkeypatch):
    monkeypatch.setattr(reading_back, reader, lambda _: "another")
    monkeypatch.setattr(reading_back, "_READ", set())
    with pytest.raises(AssertionError):
        ps.compile(lambda x: np.cos(x) * len(reader))(np.ones(3))


def test_a_text_that_does_not_parse_is_no_error_that_tests_expect(monkeypatch):
    def refuse(text):
        raise TextError(None, "no plan")

    monkeypatch.setattr(reading_back, "parse_plan", refuse)
    monkeypatch.setattr(reading_back, "_READ", set())
    with pytest.raises(AssertionError, match=r"no plan(.|\n)*plan @"):
        ps.compile(lambda x: np.cos(x) * 12.5)(np.ones(3))
