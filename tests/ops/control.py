"""Functions of the ops that say nothing of arrays alone, with what they give."""

from collections.abc import Iterator

import numpy as np

from penstock.ir.graph.text_parse import parse_function
from penstock.ir.graph.value import Function, Value

x = np.array([1.0, 2.0], np.float32)

PROGRAMS = [
    (
        parse_function(text),
        [np.array(a) if isinstance(a, bool) else a for a in given],
        wanted,
    )
    for text, given, wanted in [
        (
            """func @choose(%p: bool[], %x: f32[2]) -> f32[2] {
              %0 = if %p, %x : f32[2] {
                then(%a: f32[2]) -> f32[2] { return %a }
                else(%a1: f32[2]) -> f32[2] { %b = neg %a1 : f32[2] return %b }
              }
              return %0
            }""",
            [False, x],
            [[-1.0, -2.0]],
        ),
        (
            """func @double(%x: f32[2]) -> f32[2] {
              %0 = while %x : f32[2] {
                cond(%a: f32[2]) -> bool[] {
                  %b = max %a {axes=(0,), keepdims=false} : f32[]
                  %c = const 10.0 : f32[]
                  %d = less %b, %c : bool[]
                  return %d
                }
                body(%e: f32[2]) -> f32[2] { %g = add %e, %e : f32[2] return %g }
              }
              return %0
            }""",
            [x],
            [[8.0, 16.0]],
        ),
        (
            """func @first(%x: i64[], %y: f32[2]) -> f32[] {
              %0 = bind %x, %y {symbol=k} : f32[] {
                body(%a: f32[2]) -> f32[] {
                  %1 = iota {shape=(k,), axis=0, dtype=f32} : f32[k]
                  %2 = sum %1 {axes=(0,), keepdims=false} : f32[]
                  %3 = sum %a {axes=(0,), keepdims=false} : f32[]
                  %4 = add %2, %3 : f32[]
                  return %4
                }
              }
              return %0
            }""",
            [np.array(4), np.array([1, 2], np.float32)],
            [9.0],
        ),
        (
            """func @count(%x: i64[], %y: f32[2]) -> (i64[], f32[2]) {
              %0 = loop %x, %y {trip=4, carried=2, sliced=0, reverse=false}
                : (i64[], f32[2]) {
                body(%i: i64[], %a: i64[], %b: f32[2]) -> (i64[], f32[2]) {
                  %c = add %a, %i : i64[]
                  return %c, %b
                }
              }
              %1 = get %0 {index=0} : i64[]
              %2 = get %0 {index=1} : f32[2]
              return %1, %2
            }""",
            [np.array(10), x],
            [16, [1.0, 2.0]],
        ),
        (
            """func @again(%x: f32[2]) -> f32[2] {
              %0 = recompute %x {serial=1} : f32[2] {
                body(%a: f32[2]) -> f32[2] { %b = exp %a : f32[2] return %b }
              }
              %1 = segmented %0 {length=0} : f32[2] {
                body(%c: f32[2]) -> f32[2] { %d = log %c : f32[2] return %d }
              }
              %2 = ceil %1 : f32[2]
              return %2
            }""",
            [x * 0],
            [[0.0, 0.0]],
        ),
        (
            """func @stated(%x: f32[2]) -> f32[2] {
              %0 = custom_jvp %x {count=1} : f32[2] {
                function(%a: f32[2]) -> f32[2] { %b = neg %a : f32[2] return %b }
                rule(%c: f32[2], %dc: f32[2]) -> (f32[2], f32[2]) { return %c, %dc }
              }
              %1 = custom_vjp %0 {count=1} : f32[2] {
                function(%d: f32[2]) -> f32[2] { %e = neg %d : f32[2] return %e }
                forward(%g: f32[2]) -> f32[2] { return %g }
                backward(%dg: f32[2]) -> f32[2] { return %dg }
              }
              %2 = add %0, %1 : f32[2]
              return %2
            }""",
            [x],
            [[0.0, 0.0]],
        ),
        (
            """func @show(%x: f32[2]) -> f32[2] {
              %0 = token : token
              %1 = print %0, %x {text="x"} : token
              return %x
              effects %1
            }""",
            [x],
            [[1.0, 2.0]],
        ),
        (
            """func @fused(%x: f32[2]) -> f32[2] {
              %0 = cluster %x {kind="map", loops=(2,), inner=(), results=((0,),),
                reductions=()} : f32[2] {
                body(%a: f32[2]) -> f32[2] { %b = neg %a : f32[2] return %b }
              }
              return %0
            }""",
            [x],
            [[-1.0, -2.0]],
        ),
    ]
]


def all_values(function: Function) -> Iterator[Value]:
    """Parameters and Values, those of regions too."""
    yield from function.parameters
    for value in function.values:
        yield value
        for region in value.regions:
            yield from all_values(region)
