"""Writes functions of LLVM IR text.

Text is written in one pass and parsed by LLVM once: no objects are built for
instructions. Every operation takes operands of any width, 1 being a scalar; vectors
wider than the machine's registers are split by LLVM, so a loop over 16 lanes of f32
holds f64 values as 16 lanes too.

    Module ............ collects functions, declarations, data (module.py)
    Operand ........... a typed value (operand.py)
    Emitter ........... the body of one function:
      EmitterCore ..... instructions, constants, calls
      ControlEmitter .. labels, branches, for_loop, repeat, when, choose
      BitsEmitter ..... compare, select, and/or/xor, shifts, bitcast
      ConvertEmitter .. convert
      ArithmeticEmitter add, sub, mul, div, sqrt, floor, minimum, multiply_add, ...
      LaneEmitter ..... splat, extract, insert, halves, reduce, any_lane, first_lanes
      MemoryEmitter ... offset, load, store, gather, scatter, atomics
      DivideEmitter ... floor_divide, remainder, fmod
"""

from __future__ import annotations

from penstock.backends.llvm.emitter_control import Loop, Phi
from penstock.backends.llvm.emitter_core import Value
from penstock.backends.llvm.emitter_divide import DivideEmitter
from penstock.backends.llvm.module import Module, Parameter
from penstock.backends.llvm.operand import Operand

__all__ = ["Emitter", "Loop", "Module", "Operand", "Parameter", "Phi", "Value"]


class Emitter(DivideEmitter):
    """The body of one function. ``Module.function`` makes it.

    Example:
        >>> from penstock.runtime.machine import host
        >>> f = Module(host()).function("twice", [Parameter("x", "f32", 8)],
        ...     result="f32", result_width=8)
        >>> (x,) = f.parameters
        >>> f.ret(f.add(x, x))
        >>> print(f.text())
        define <8 x float> @twice(<8 x float> %x) #0 {
        entry:
          %0 = fadd <8 x float> %x, %x
          ret <8 x float> %0
        }
    """
