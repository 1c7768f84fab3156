"""What tests compile is read back, whatever they test."""

import numpy as np
import pytest

import penstock as ps
from penstock.ir.errors import TextError
from tests import reading_back


def test_a_text_that_reads_as_another_fails_the_test_that_compiled(monkeypatch):
    monkeypatch.setattr(reading_back, "parse_function", lambda _: "another")
    monkeypatch.setattr(reading_back, "_READ", set())
    with pytest.raises(AssertionError):
        ps.compile(lambda x: np.cos(x) * 14.5)(np.ones(3))


def test_a_text_that_does_not_parse_is_no_error_that_tests_expect(monkeypatch):
    def refuse(text):
        raise TextError(None, "no graph")

    monkeypatch.setattr(reading_back, "parse_function", refuse)
    monkeypatch.setattr(reading_back, "_READ", set())
    with pytest.raises(AssertionError, match=r"no graph(.|\n)*func @"):
        ps.compile(lambda x: np.cos(x) * 12.5)(np.ones(3))
