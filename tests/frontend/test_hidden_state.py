"""State that Python and its libraries keep where no key could look: never frozen."""

import argparse
import contextvars
import ctypes
import decimal
import gc
import logging
import mmap
import string
import sys
import threading
import warnings
import weakref

import numpy as np
import pytest

import penstock as ps
from penstock.ir.errors import PenstockError, TraceError
from tests.frontend.test_frozen_state import follows

X = np.ones(2)


class Owner:
    scale = 2.0


OWNER = Owner()
LOCAL = threading.local()
LOCAL.scale = 2.0
VARIABLE: contextvars.ContextVar = contextvars.ContextVar("variable", default=2.0)
GET = VARIABLE.get
REFERENCE = weakref.ref(OWNER)
PROXY = weakref.proxy(OWNER)
BY_NAME = weakref.WeakValueDictionary(a=OWNER)
BY_OWNER = weakref.WeakKeyDictionary({OWNER: 2.0})
MEMBERS = weakref.WeakSet([OWNER])
CONTEXT = decimal.getcontext()
LOGGER = logging.getLogger("penstock.test")
NUMBER = ctypes.c_int(3)
NUMBERS = (ctypes.c_int * 2)(1, 2)
MEMORY = memoryview(bytearray(b"ab"))
EVENT = threading.Event()
LOCK = threading.Lock()
CURRENT = threading.current_thread()


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (lambda x: x * LOCAL.scale, "LOCAL.scale"),
        (lambda x: x * getattr(LOCAL, "other", 1.0), "LOCAL.other"),
        (lambda x: x * VARIABLE.get(), "VARIABLE.get"),
        (lambda x: x * GET(), "get"),
        (lambda x: x * REFERENCE().scale, "REFERENCE"),
        (lambda x: x if REFERENCE else -x, "REFERENCE"),
        (lambda x: x * PROXY.scale, "PROXY.scale"),
        (lambda x: x * BY_NAME["a"].scale, "BY_NAME"),
        (lambda x: x * len(BY_NAME), "BY_NAME"),
        (lambda x: x * BY_OWNER[OWNER], "BY_OWNER"),
        (lambda x: x if OWNER in MEMBERS else -x, "MEMBERS"),
        (lambda x: x * CONTEXT.prec, "CONTEXT.prec"),
        (lambda x: x * decimal.getcontext().prec, "decimal.getcontext"),
        (lambda x: x * LOGGER.level, "LOGGER.level"),
        (lambda x: x if LOGGER.isEnabledFor(10) else -x, "LOGGER.isEnabledFor"),
        (lambda x: x * logging.getLogger().level, "logging.getLogger().level"),
        (lambda x: x * logging.root.level, "logging.root.level"),
        (lambda x: x * len(warnings.filters), "warnings.filters"),
        (lambda x: x * len(np.geterr()), "np.geterr"),
        (lambda x: x * np.get_printoptions()["precision"], "np.get_printoptions"),
        (lambda x: x * np.getbufsize(), "np.getbufsize"),
        (lambda x: x * len(np.seterr(all="warn")), "np.seterr"),
        (lambda x: x * sys.getrecursionlimit(), "sys.getrecursionlimit"),
        (lambda x: x * sys.getswitchinterval(), "sys.getswitchinterval"),
        (lambda x: x * threading.active_count(), "threading.active_count"),
        (lambda x: x * threading.get_ident(), "thread.get_ident"),
        (lambda x: x if threading.current_thread() else -x, "threading.current_thread"),
        (lambda x: x if CURRENT.name == "a" else -x, "CURRENT.name"),
        (lambda x: x * gc.isenabled(), "gc.isenabled"),
        (lambda x: x * NUMBER.value, "NUMBER.value"),
        (lambda x: x * NUMBERS[0], "NUMBERS"),
        (lambda x: np.add(x, NUMBERS), "NUMBERS"),
        (lambda x: x * MEMORY[0], "MEMORY"),
        (lambda x: x if EVENT.is_set() else -x, "EVENT.is_set"),
        (lambda x: x if LOCK == 1 else -x, "LOCK"),
    ],
)
def test_what_cannot_be_watched_is_an_error(function, name):
    with pytest.raises(TraceError) as raised:
        ps.compile(function)(X)
    assert raised.value.code == "impure-call"
    assert raised.value.message.startswith(f"{name} would ")
    assert raised.value.loc.line == function.__code__.co_firstlineno


def test_a_lock_is_an_error():
    def function(x):
        with LOCK:
            return x

    with pytest.raises(TraceError, match="LOCK would be read once"):
        ps.compile(function)(X)


def test_the_state_of_a_thread_is_not_anothers():
    compiled = ps.compile(lambda x: x * LOCAL.scale)
    with pytest.raises(TraceError, match=r"LOCAL\.scale would be read once"):
        compiled(X)


def test_references_in_objects():
    owner = Owner()
    owner.parent = weakref.ref(OWNER)
    with pytest.raises(TraceError, match=r"owner\.parent would run once"):
        ps.compile(lambda x: x * owner.parent().scale)(X)
    np.testing.assert_array_equal(ps.compile(lambda o, x: x * o.scale)(owner, X), 2 * X)


def test_loggers_write_while_tracing(caplog):
    def function(x):
        LOGGER.warning("careful")
        logging.getLogger("penstock.other").warning("beware")
        return x

    compiled = ps.compile(function)
    compiled(X)
    compiled(X)
    assert caplog.messages == ["careful", "beware"]


def test_argparse_namespaces_are_watched():
    options = argparse.Namespace(scale=2.0)
    follows(
        lambda x: x * options.scale * getattr(options, "shift", 1.0),
        lambda: setattr(options, "scale", 3.0),
        lambda: setattr(options, "shift", 4.0),
    )
    compiled = ps.compile(lambda options, x: x * options.scale)
    np.testing.assert_array_equal(compiled(options, X), 3 * X)
    options.scale = 5.0
    np.testing.assert_array_equal(compiled(options, X), 5 * X)


def test_other_objects_of_libraries_with_state():
    template = string.Template("a")
    polynomial = np.polynomial.Polynomial([1.0, 2.0])
    for function in (
        lambda x: x * len(template.template),
        lambda x: x * polynomial.coef[1],
    ):
        with pytest.raises(PenstockError) as raised:
            ps.compile(function)(X)
        assert raised.value.code == "captured-type"


def test_what_libraries_keep_unchanged_is_served():
    from fractions import Fraction

    half, limits = Fraction(1, 2), np.finfo(np.float32)
    step = mmap.PAGESIZE
    follows(lambda x: x * float(half) * float(limits.eps) * step)
