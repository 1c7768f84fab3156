"""Runs the command line in this process, in a folder with some files."""

import io
import linecache
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import penstock as ps
from penstock.__main__ import main

MODEL = """
import numpy as np

import penstock as ps


def gelu(x):
    return 0.5 * x * (1 + np.tanh(0.7978845608 * (x + 0.044715 * x * x * x)))


def layer(params, x, scale=2.0):
    return np.sum(x * params["w"], axis=-1) * scale, x - 1


def nothing():
    return np.zeros(3)


def mistaken(x):
    return x + missing


def misshapen(x, y):
    return x + y


class Model:
    def double(x):
        return x + x


@ps.compile
def compiled(x):
    return x + 1


NUMBER = 3


def attend(q, /, k, *rest, scale=1.0):
    return q * k * scale
"""

GELU = """
func @gelu(%x: f32[n]) -> f32[n] {
  %0 = const 0.5 : f32[]
  %1 = mul %x, %0 : f32[n]
  %2 = tanh %x : f32[n]
  %3 = tanh %x : f32[n]
  %4 = mul %1, %2 : f32[n]
  %5 = add %4, %3 : f32[n]
  return %5
}
"""

PAIR = """
func @pair(%x: f64[n], %y: f64[m], %rate: f64[], k: int) -> (f64[n], f64[], i64[])
    where n == m, %rate > -10.0 {
  %0 = add %x, %y : f64[n]
  %1 = dim {size=2*n + k} : i64[]
  return %0, %rate, %1
}
"""


class Outcome(NamedTuple):
    """What the command line did."""

    status: int
    out: str
    err: str


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Iterator[Path]:
    """The current folder, with a model, graphs, an array and a cache of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PENSTOCK_CACHE", str(tmp_path / "cache"))
    # Files that commands import are neither found nor left behind elsewhere.
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "model.py").write_text(MODEL)
    (tmp_path / "gelu.pir").write_text(GELU)
    (tmp_path / "pair.pir").write_text(PAIR)
    np.save(tmp_path / "x.npy", np.linspace(-2, 2, 1024, dtype=np.float32))
    yield tmp_path
    # Errors of later tests would show lines of this model.py as those of theirs.
    linecache.clearcache()


@pytest.fixture
def saved(folder) -> Path:
    """A saved program of two nested arguments and a float."""

    def layer(params, x, scale=2.0):
        return np.sum(x * params["w"], axis=-1) * scale, x - 1

    path = folder / "layer.penstock"
    ps.compile(layer).save(path, {"w": np.ones(3)}, np.ones((4, 3)))
    return path


@pytest.fixture
def command(folder, capsys, monkeypatch) -> Callable[..., Outcome]:
    """Run the command line: ``command("dump", "model.py:gelu")``."""

    def run(*arguments, text=None) -> Outcome:
        if text is not None:
            monkeypatch.setattr(sys, "stdin", io.StringIO(text))
        modules = set(sys.modules)
        capsys.readouterr()
        try:
            status = main(list(map(str, arguments)))
        except SystemExit as exit_:
            status = exit_.code
        for name in sys.modules.keys() - modules:
            if getattr(sys.modules[name], "__file__", "") == str(folder / "model.py"):
                del sys.modules[name]
        return Outcome(status, *capsys.readouterr())

    return run
