"""Ops that only move elements: each rule as text, and held against evaluation."""

import numpy as np
import pytest

from penstock.ir.graph.evaluate import evaluate
from penstock.ir.graph.text_parse import parse_function
from penstock.passes.movement_rules import MOVEMENT
from penstock.passes.shapes import shapes
from tests.passes.text import lines, rewritten
from tests.random_programs import assert_same_results

SIGNATURE = "func @f(%x: f32[n,3,1], %y: f32[m,3,1], %s: f32[], %v: f32[p]) -> {type}"
GUARDS = " where m == n, n >= 2, p >= 4 {"
ARGUMENTS = [
    np.random.default_rng(0).integers(-4, 5, (5, 3, 1)).astype(np.float32),
    np.full((5, 3, 1), -0.0, np.float32),
    np.array(-0.0, np.float32),
    np.arange(6, dtype=np.float32),
]

# What each rule does: statements of the body before and after, and the result.
CASES = {
    "reshape-to-same-shape": (
        """
        %0 = reshape %y {shape=(n, 3, 1)} : f32[n,3,1]
        return %0
        """,
        """
        return %y
        """,
    ),
    "reshape-of-reshape": (
        """
        %0 = reshape %x {shape=(3*n,)} : f32[3*n]
        %1 = reshape %0 {shape=(3, n)} : f32[3,n]
        return %1
        """,
        """
        %0 = reshape %x {shape=(3, n)} : f32[3,n]
        return %0
        """,
    ),
    "reshape-of-one-element": (
        """
        %0 = broadcast_to %s {shape=(n, 3)} : f32[n,3]
        %1 = reshape %0 {shape=(3*n,)} : f32[3*n]
        return %1
        """,
        """
        %0 = broadcast_to %s {shape=(3*n,)} : f32[3*n]
        return %0
        """,
    ),
    "reshape-of-reduction": (
        """
        %0 = max %x {axes=(0, 1), keepdims=false} : f32[1]
        %1 = reshape %0 {shape=(1, 1, 1)} : f32[1,1,1]
        return %1
        """,
        """
        %0 = max %x {axes=(0, 1), keepdims=true} : f32[1,1,1]
        return %0
        """,
    ),
    "transpose-of-transpose": (
        """
        %0 = transpose %x {permutation=(1, 0, 2)} : f32[3,n,1]
        %1 = transpose %0 {permutation=(0, 2, 1)} : f32[3,1,n]
        %2 = transpose %1 {permutation=(2, 0, 1)} : f32[n,3,1]
        return %1, %2
        """,
        """
        %0 = transpose %x {permutation=(1, 2, 0)} : f32[3,1,n]
        return %0, %x
        """,
    ),
    "transpose-in-order": (
        """
        %0 = transpose %x {permutation=(2, 0, 1)} : f32[1,n,3]
        return %0
        """,
        """
        %0 = reshape %x {shape=(1, n, 3)} : f32[1,n,3]
        return %0
        """,
    ),
    "broadcast-to-same-shape": (
        """
        %0 = broadcast_to %y {shape=(n, 3, 1)} : f32[n,3,1]
        return %0
        """,
        """
        return %y
        """,
    ),
    "broadcast-of-broadcast": (
        """
        %0 = broadcast_to %s {shape=(1, 3)} : f32[1,3]
        %1 = broadcast_to %0 {shape=(n, 2, 3)} : f32[n,2,3]
        return %1
        """,
        """
        %0 = broadcast_to %s {shape=(n, 2, 3)} : f32[n,2,3]
        return %0
        """,
    ),
    "broadcast-implicitly": (
        """
        %0 = broadcast_to %s {shape=(n, 3, 1)} : f32[n,3,1]
        %1 = add %x, %0 : f32[n,3,1]
        %2 = neg %0 : f32[n,3,1]
        %3 = less %0, %2 : bool[n,3,1]
        %4 = select %3, %0, %1 : f32[n,3,1]
        return %4
        """,
        """
        %0 = neg %s : f32[]
        %1 = less %s, %0 : bool[]
        %2 = add %x, %s : f32[n,3,1]
        %3 = select %1, %s, %2 : f32[n,3,1]
        return %3
        """,
    ),
    "slice-of-all": (
        """
        %0 = slice %y {start=(0, 0, 0), step=(1, 1, -1), size=(n, 3, 1)} : f32[n,3,1]
        return %0
        """,
        """
        return %y
        """,
    ),
    "slice-of-slice": (
        """
        %0 = slice %v {start=(p - 1,), step=(-1,), size=(p,)} : f32[p]
        %1 = slice %0 {start=(1,), step=(2,), size=(2,)} : f32[2]
        return %1
        """,
        """
        %0 = slice %v {start=(p - 2,), step=(-2,), size=(2,)} : f32[2]
        return %0
        """,
    ),
    "slice-of-broadcast": (
        """
        %0 = broadcast_to %x {shape=(2, n, 3, 4)} : f32[2,n,3,4]
        %1 = slice %0 {start=(1, 1, 0, 2), step=(1, 1, 1, 1), \
size=(1, n - 1, 3, 2)} : f32[1,n - 1,3,2]
        return %1
        """,
        """
        %0 = slice %x {start=(1, 0, 0), step=(1, 1, 1), size=(n - 1, 3, 1)} : \
f32[n-1,3,1]
        %1 = broadcast_to %0 {shape=(1, n - 1, 3, 2)} : f32[1,n-1,3,2]
        return %1
        """,
    ),
    "slice-of-update": (
        """
        %0 = slice %v {start=(1,), step=(2,), size=(2,)} : f32[2]
        %1 = neg %0 : f32[2]
        %2 = update_slice %v, %1 {start=(1,), step=(2,), size=(2,)} : f32[p]
        %3 = slice %2 {start=(1,), step=(2,), size=(2,)} : f32[2]
        return %3
        """,
        """
        %0 = slice %v {start=(1,), step=(2,), size=(2,)} : f32[2]
        %1 = neg %0 : f32[2]
        return %1
        """,
    ),
    "update-of-all": (
        """
        %0 = update_slice %x, %y {start=(0, 0, 0), step=(1, 1, 1), \
size=(n, 3, 1)} : f32[n,3,1]
        return %0
        """,
        """
        return %y
        """,
    ),
    "update-with-itself": (
        """
        %0 = slice %v {start=(1,), step=(2,), size=(2,)} : f32[2]
        %1 = update_slice %v, %0 {start=(1,), step=(2,), size=(2,)} : f32[p]
        return %1
        """,
        """
        return %v
        """,
    ),
    "update-of-update": (
        """
        %0 = const [1.0, 2.0] : f32[2]
        %1 = const [3.0, 4.0] : f32[2]
        %2 = update_slice %v, %0 {start=(1,), step=(2,), size=(2,)} : f32[p]
        %3 = update_slice %2, %1 {start=(1,), step=(2,), size=(2,)} : f32[p]
        return %3
        """,
        """
        %0 = const [3.0, 4.0] : f32[2]
        %1 = update_slice %v, %0 {start=(1,), step=(2,), size=(2,)} : f32[p]
        return %1
        """,
    ),
    "concatenate-flat": (
        """
        %0 = const [] : f32[0]
        %1 = concatenate %v, %0 {axis=0} : f32[p]
        %2 = neg %v : f32[p]
        %3 = concatenate %2, %v {axis=0} : f32[2*p]
        %4 = concatenate %1, %3, %0 {axis=0} : f32[3*p]
        return %1, %4
        """,
        """
        %0 = neg %v : f32[p]
        %1 = concatenate %v, %0, %v {axis=0} : f32[3*p]
        return %v, %1
        """,
    ),
    "pad-nothing": (
        """
        %0 = pad %v, %s {low=(0,), high=(0,)} : f32[p]
        return %0
        """,
        """
        return %v
        """,
    ),
    "pad-of-pad": (
        """
        %0 = pad %v, %s {low=(1,), high=(0,)} : f32[p+1]
        %1 = pad %0, %s {low=(2,), high=(p,)} : f32[2*p+3]
        return %1
        """,
        """
        %0 = pad %v, %s {low=(3,), high=(p,)} : f32[2*p+3]
        return %0
        """,
    ),
    "reduce-nothing": (
        """
        %0 = max %y {axes=(2,), keepdims=true} : f32[n,3,1]
        %1 = prod %y {axes=(2,), keepdims=false} : f32[n,3]
        %2 = sum %y {axes=(2,), keepdims=false} : f32[n,3]
        return %0, %1, %2
        """,
        """
        %0 = reshape %y {shape=(n, 3)} : f32[n,3]
        %1 = const 0.0 : f32[]
        %2 = add %y, %1 : f32[n,3,1]
        %3 = reshape %2 {shape=(n, 3)} : f32[n,3]
        return %y, %0, %3
        """,
    ),
    "along-one-element": (
        """
        %0 = cumsum %y {axis=2} : f32[n,3,1]
        %1 = sort %0 {axis=2} : f32[n,3,1]
        return %1
        """,
        """
        return %y
        """,
    ),
    "contract-nothing": (
        """
        %0 = contract %x {spec="abc->bca"} : f32[3,1,n]
        return %0
        """,
        """
        %0 = transpose %x {permutation=(1, 2, 0)} : f32[3,1,n]
        return %0
        """,
    ),
    "contract-transposed": (
        """
        %0 = transpose %x {permutation=(1, 2, 0)} : f32[3,1,n]
        %1 = contract %0, %v {spec="abc,d->bca"} : f32[1,n,3]
        %2 = transpose %y {permutation=(1, 0, 2)} : f32[3,n,1]
        %3 = contract %0, %2 {spec="abc,acb->ac"} : f32[3,n]
        return %1, %3
        """,
        """
        %0 = contract %x, %v {spec="cab,d->bca"} : f32[1,n,3]
        %1 = contract %x, %y {spec="cab,cab->ac"} : f32[3,n]
        return %0, %1
        """,
    ),
}


def whole(body):
    """The text of a Function with this body."""
    statements = [line.strip() for line in lines(body).splitlines()]
    types = {
        line.split(" = ")[0]: line.rsplit(" : ", 1)[1].replace(" ", "")
        for line in statements[:-1]
    }
    types |= {"%x": "f32[n,3,1]", "%y": "f32[m,3,1]", "%v": "f32[p]"}
    results = [
        types[name].replace("m", "n")
        for name in statements[-1].removeprefix("return ").split(", ")
    ]
    type_ = results[0] if len(results) == 1 else f"({', '.join(results)})"
    indented = "\n".join(f"  {line}" for line in statements)
    return f"{SIGNATURE.format(type=type_)}{GUARDS}\n{indented}\n}}"


@pytest.mark.parametrize("name", CASES)
def test_rule(name):
    before, after = map(whole, CASES[name])
    assert rewritten(shapes, before) == after
    assert_same_results(
        evaluate(parse_function(before), ARGUMENTS),
        evaluate(parse_function(after), ARGUMENTS),
    )


def test_each_rule_has_a_text():
    assert [rule.name for rule in MOVEMENT] == list(CASES)


@pytest.mark.parametrize(
    "body",
    [
        # Not in order; not the same elements; a step that may be 0.
        """
        %0 = transpose %x {permutation=(1, 0, 2)} : f32[3,n,1]
        return %0
        """,
        """
        %0 = slice %v {start=(1,), step=(1,), size=(p - 1,)} : f32[p-1]
        %1 = slice %v {start=(p - 1,), step=(-1,), size=(p,)} : f32[p]
        return %0, %1
        """,
        """
        %0 = const [1.0, 2.0] : f32[2]
        %1 = update_slice %v, %0 {start=(1,), step=(n - 3,), size=(2,)} : f32[p]
        %2 = slice %1 {start=(1,), step=(n - 3,), size=(2,)} : f32[2]
        return %2
        """,
        """
        %0 = pad %v, %s {low=(1,), high=(1,)} : f32[p+2]
        %1 = const 1.0 : f32[]
        %2 = pad %0, %1 {low=(1,), high=(1,)} : f32[p+4]
        return %2
        """,
        """
        %0 = contract %x {spec="abc->b"} : f32[3]
        %1 = sum %x {axes=(1, 2), keepdims=false} : f32[n]
        return %0, %1
        """,
    ],
)
def test_what_stays(body):
    text = whole(body)
    assert rewritten(shapes, text) == text


def test_guards_make_rules_apply():
    before = """
    func @f(%x: f32[n], %y: f32[m,k]) -> (f32[1], f32[1], f32[n,n]) \
where n == 1, m == n, k == n {
      %0 = sort %x {axis=0} : f32[1]
      %1 = slice %0 {start=(n - 1,), step=(2,), size=(m,)} : f32[1]
      %2 = max %x {axes=(0,), keepdims=true} : f32[1]
      %3 = transpose %y {permutation=(1, 0)} : f32[1,1]
      return %1, %2, %3
    }"""
    after = """
    func @f(%x: f32[n], %y: f32[m,k]) -> (f32[1], f32[1], f32[1,1]) \
where n == 1, m == n, k == n {
      return %x, %x, %y
    }"""
    assert rewritten(shapes, before) == lines(after)


def test_places_stay():
    before = """
    func @f(%x: f32[n,m,4]) -> f32[4,m,n] {
      %0 = transpose %x {permutation=(1, 0, 2)} : f32[m,n,4] # a.py:1:5
      %1 = transpose %0 {permutation=(2, 0, 1)} : f32[4,m,n] # a.py:2:5
      return %1
    }"""
    after = """
    func @f(%x: f32[n,m,4]) -> f32[4,m,n] {
      %0 = transpose %x {permutation=(2, 1, 0)} : f32[4,m,n] # a.py:2:5
      return %0
    }"""
    assert rewritten(shapes, before, locations=True) == lines(after)
