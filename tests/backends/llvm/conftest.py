"""Compiles small functions written with the emitter, and calls them on arrays."""

import ctypes
import itertools
import os

import numpy as np
import pytest

from penstock.backends.llvm.emitter import Module, Parameter
from penstock.backends.llvm.link import link_shared_object
from penstock.backends.llvm.object import emit_object
from penstock.ir.errors import OptionError
from penstock.runtime.machine import host

ELEMENTS = {
    "bool": "i1",
    **{
        f"{sign}int{bits}": f"i{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)
    },
    "float16": "f16",
    "bfloat16": "bf16",
    "float32": "f32",
    "float64": "f64",
}


@pytest.fixture(params=["native", "x86-64-v3", "x86-64"])
def machine(request, monkeypatch):
    """The host, and the host as if it were older."""
    if request.param == "native":
        return host()
    monkeypatch.setenv("PENSTOCK_TARGET", request.param)
    try:
        return host()
    except OptionError as error:
        pytest.skip(f"this machine is below {request.param}: {error}")


class Library:
    """A shared object that stays open: dlopen knows a library by its path."""

    def __init__(self, data):
        self.descriptor = os.memfd_create("kernel")
        os.write(self.descriptor, data)
        self.library = ctypes.CDLL(f"/proc/self/fd/{self.descriptor}")

    def function(self, name, *argument_types, result=None):
        function = getattr(self.library, name)
        function.argtypes = argument_types
        function.restype = result
        return function


class Kernels:
    """Makes callables of functions of the emitter, each compiled once."""

    def __init__(self):
        self._numbers = itertools.count()
        self._libraries = []
        self._maps = {}

    def load(self, text, machine):
        library = Library(link_shared_object(emit_object(text, machine)))
        self._libraries.append(library)
        return library

    def map(self, machine, function, inputs, result, width=1):
        """Apply ``function(emitter, *operands)`` to arrays, ``width`` lanes at a time.

        Arrays are padded with their first element to whole vectors.
        """
        result = np.dtype(result)
        dtypes = tuple(array.dtype for array in inputs)
        key = (str(machine), function, dtypes, result, width)
        if key not in self._maps:
            self._maps[key] = self._compile_map(
                machine, function, dtypes, result, width
            )
        count = inputs[0].size
        padding = -count % width
        padded = [
            np.concatenate([array.ravel(), np.repeat(array.ravel()[:1], padding)])
            for array in inputs
        ]
        output = np.empty(count + padding, result)
        addresses = [array.ctypes.data for array in (*padded, output)]
        self._maps[key](*addresses, count + padding)
        return output[:count].reshape(inputs[0].shape)

    def _compile_map(self, machine, function, dtypes, result, width):
        module = Module(machine)
        names = [f"x{i}" for i in range(len(dtypes))]
        parameters = [Parameter(name, "ptr") for name in [*names, "out"]]
        f = module.function("map", [*parameters, Parameter("n", "i64")])
        *inputs, out, count = f.parameters
        with f.for_loop(f.constant(0, "i64"), count, width) as loop:
            operands = []
            for pointer, dtype in zip(inputs, dtypes, strict=True):
                element = ELEMENTS[dtype.name]
                at = f.element_address(pointer, loop.index, element)
                operands.append(f.load(at, element, width))
            at = f.element_address(out, loop.index, ELEMENTS[result.name])
            f.store(function(f, *operands), at)
        f.ret()
        pointers = [ctypes.c_void_p] * (len(dtypes) + 1)
        library = self.load(module.text(), machine)
        return library.function("map", *pointers, ctypes.c_int64)


@pytest.fixture(scope="session")
def kernels():
    return Kernels()
