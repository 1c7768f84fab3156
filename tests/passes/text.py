"""Helpers of the tests of passes: text in, text out."""

from textwrap import dedent

from penstock.ir.graph.text_parse import parse_function
from penstock.ir.graph.text_print import print_function
from penstock.ir.graph.verify import verify


def rewritten(graph_pass, text, *, locations=False):
    """What a pass makes of a Function, as text; it must be valid and stay so."""
    before = parse_function(dedent(text))
    printed = print_function(before)
    after = graph_pass(before)
    verify(after)
    assert print_function(before) == printed, "a pass changed its argument"
    return print_function(after, locations=locations)


def lines(text):
    """A text as it is written in a test."""
    return dedent(text).strip()
