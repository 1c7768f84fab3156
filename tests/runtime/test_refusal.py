"""The words in which a variant says why it does not serve a call."""

import dataclasses

import numpy as np
import pytest

import penstock as ps
from penstock.runtime.binding import Binder
from penstock.runtime.refusal import Refusal, nearest, refusals


@pytest.mark.parametrize(
    ("refusal", "text", "reason"),
    [
        (
            Refusal("structure", "x", "[int (1)]", "f32[n]"),
            "x is [int (1)], not f32[n]",
            "argument x: [int (1)], was f32[n]",
        ),
        (
            Refusal("argument", "x", "f64[3]", "f32[n,m]", ("f64, was f32", "rank 1")),
            "x is f64[3], not f32[n,m]",
            "argument x: f64, was f32; rank 1",
        ),
        (
            Refusal("captured", "global W", "3", "2"),
            "global W is 3, not 2",
            "global W changed from 2 to 3",
        ),
        (
            Refusal("captured", "global W", "f64[3]", "f32[n]", ("f64, was f32",)),
            "global W is f64[3], not f32[n]",
            "global W changed: f64, was f32",
        ),
        (
            Refusal("argument", "fn", "<lambda>", "<lambda>"),
            "fn is <lambda>, not <lambda>",
            "argument fn: another <lambda>, was <lambda>",
        ),
        (
            Refusal("captured", "global f", "<lambda>", "<lambda>"),
            "global f is <lambda>, not <lambda>",
            "global f changed to another <lambda>",
        ),
        (
            Refusal("gone"),
            "what it captures has gone, or is nested otherwise",
            "what it captures has gone, or is nested otherwise",
        ),
        (
            Refusal("guard", "n == m", "5 and 7"),
            "it does not hold that n == m: 5 and 7",
            "n == m does not hold: 5 and 7",
        ),
        (
            Refusal("guard", "not rate > 0.5", "rate is 1.0"),
            "it holds that rate > 0.5: rate is 1.0",
            "rate > 0.5 holds: rate is 1.0",
        ),
        (Refusal("guard"), "a guard does not hold", "a guard does not hold"),
    ],
)
def test_words(refusal, text, reason):
    assert str(refusal) == text
    assert refusal.reason == reason


def test_guards_say_what_their_sides_are(axpy):
    places = {"n": [1, 0], "m": [2, 0], "a": [0, 0]}
    guards = ("n == m", "m >= 2", "%a > 0.5", "2*n != 6")
    artifact = axpy.artifact().replace(guards=guards, facts={"symbols": places})
    variant = axpy.variant(artifact=artifact)
    binder = Binder.of(lambda a, x, y: x)

    def why(*arguments):
        return [entry.reason for entry in refusals(variant, binder.bind(arguments, {}))]

    x = np.ones(3)
    # The first guard is the only one that the program itself evaluates.
    assert why(1.0, x, x) == []
    assert why(0.25, x, np.ones(1)) == [
        "n == m does not hold: 3 and 1",
        "m >= 2 does not hold: m is 1",
        "a > 0.5 does not hold: a is 0.25",
        "2*n != 6 does not hold: 2*n is 6",
    ]
    assert why(1, x.astype("f4"), x) == [
        "argument a: int (1), was float",
        "argument x: f32, was f64",
    ]


def test_places_that_are_not_told(axpy):
    variant = axpy.variant(artifact=axpy.artifact().replace(guards=("n == m",)))
    call = Binder.of(lambda a, x, y: x).bind((1.0, np.ones(3), np.ones(4)), {})
    assert [entry.reason for entry in refusals(variant, call)] == [
        "n == m does not hold"
    ]


def test_the_nearest_of_none():
    call = Binder.of(lambda x: x).bind((1,), {})
    assert nearest((), call) is None


def test_sizes_that_are_fixed():
    f = ps.compile(lambda x, y: x + y, static=["x", ("y", 1)])
    f(np.ones((2, 3)), np.ones((2, 3)))
    f(np.ones((4, 3)), np.ones((4, 3)))
    f(np.ones((4, 1)), np.ones((4, 5)))
    reasons = [variant.reason for variant in f.explain().variants]
    assert reasons[1:] == [
        (
            "argument x: size 4 of axis 0, was 2; n == 2 does not hold: n is 4 "
            "(compared with variant 1)"
        ),
        (
            "argument x: size 1 of axis 1, was 3; argument y: size 5 of axis 1, was 3 "
            "(compared with variant 2)"
        ),
    ]


def test_classes_of_one_name_are_told_apart_by_their_modules():
    def kind(module):
        made = dataclasses.make_dataclass("Pair", ["a", "b"])
        made.__module__ = module
        return made(np.ones(2), 1.0)

    f = ps.compile(lambda p: p.a * p.b)
    f(kind("first"))
    f(kind("second"))
    reason = f.explain().reason
    assert "second.Pair(a=f64[2], b=float (1.0))" in reason
    assert "first.Pair(a=f64[n], b=float)" in reason
