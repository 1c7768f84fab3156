"""Tracebacks of errors have the frames of the user's code alone."""

import io
import sys
import traceback
from pdb import Pdb

import numpy as np
import pytest

import penstock as ps

X = np.ones((3, 4))
SCALE = 3.0


def inner(a, b):
    return a @ b


def outer(x):
    return inner(x, x)


def broken(x):
    return {}["x"]


def unknown(x):
    return x.nothing


def taken(x, i):
    return x[i]


def frames(function, *arguments):
    """The functions in the traceback of what a call raises, the caller's first."""
    with pytest.raises(Exception) as caught:  # noqa: PT011
        function(*arguments)
    return [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]


@pytest.mark.parametrize(
    ("function", "arguments", "wanted"),
    [
        (ps.compile(outer), (X,), ["outer", "inner"]),
        (ps.compile(lambda x: ps.compile(outer)(x) + 1), (X,), ["<lambda>", "outer"]),
        (ps.grad(outer), (X,), ["outer", "inner"]),
        (ps.jacfwd(outer), (X,), ["outer", "inner"]),
        (ps.compile(broken), (X,), ["broken"]),
        (ps.compile(unknown), (X,), ["unknown"]),
        (ps.compile(taken), (X, np.array([7])), []),
        (ps.compile(taken), (X,), []),
    ],
)
def test_only_frames_of_the_user(function, arguments, wanted):
    names = frames(function, *arguments)
    assert names[0] == "frames"
    assert names[1 : 1 + len(wanted)] == wanted
    assert {"frames", "<lambda>", "outer", "inner", *wanted} >= set(names)


def test_what_looks_at_a_frame_finds_the_globals_of_the_function():
    with pytest.raises(KeyError) as caught:
        ps.compile(broken)(X)
    *_, (frame, _) = traceback.walk_tb(caught.value.__traceback__)
    names = frame.f_globals
    assert frame.f_code.co_name == "broken"
    assert len(names) == len(globals())
    assert set(names) == set(globals())
    assert names.copy() == globals()
    assert dict(names)["outer"].__name__ == "outer"
    assert dict(names.items()) == globals()


def test_debuggers_find_globals_and_builtins(monkeypatch, capsys):
    """What ``pdb`` evaluates is compiled to look in the storage of the globals."""

    @ps.compile
    def function(x):
        y = x * SCALE
        breakpoint()  # noqa: T100
        return y

    commands = "p SCALE, np.pi, len(y.shape), [SCALE for _ in y.shape]\np missing\nc\n"
    monkeypatch.setattr("sys.stdin", io.StringIO(commands))
    monkeypatch.setattr(
        "sys.breakpointhook", lambda: Pdb(nosigint=True).set_trace(sys._getframe(1))
    )
    np.testing.assert_array_equal(function(X), X * SCALE)
    shown = capsys.readouterr().out
    assert f"({SCALE}, {np.pi}, 2, [{SCALE}, {SCALE}])" in shown
    assert "NameError: name 'missing' is not defined" in shown
    with pytest.raises(KeyError) as caught:
        ps.compile(broken)(X)
    *_, (frame, _) = traceback.walk_tb(caught.value.__traceback__)
    assert eval("SCALE", frame.f_globals, frame.f_locals) == SCALE


def test_traced_functions_may_print_tracebacks():
    def function(x):
        try:
            return broken(x)
        except KeyError:
            return x * len(traceback.format_exc().splitlines())

    assert ps.compile(function)(np.ones(1)).item() >= 5


def test_errors_that_were_handled_lose_ours_too():
    def f(x):
        try:
            return inner(x, x)
        except ValueError as error:
            raise KeyError("x") from error

    with pytest.raises(KeyError) as caught:
        ps.compile(f)(X)
    cause = traceback.extract_tb(caught.value.__cause__.__traceback__)
    assert [frame.name for frame in cause] == ["f", "inner"]


def test_debug_keeps_all_frames():
    with ps.config(debug=True):
        assert len(frames(ps.compile(outer), X)) > 5


def test_faults_of_ours_keep_all_frames(monkeypatch):
    from penstock import driver

    monkeypatch.setattr(driver, "make_variant", None)
    names = frames(ps.compile(outer), np.eye(3))
    assert names[-1] == "compile_variant"
