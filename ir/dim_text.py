"""Reads sizes as they print."""

from __future__ import annotations

import re
from functools import lru_cache

from penstock.ir.dims import Size, dim_maximum, dim_minimum, symbol
from penstock.ir.errors import TextError

__all__ = ["parse_dim"]

# Compiled where a size is first read, which few programs do.
_TOKEN = r"\s*(?:(\d+)|(min|max)\b|([A-Za-z_]\w*)|(//|[-+*%(),]))"


_MOST_TERMS = 4096


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens: list[str] = []
        position = 0
        text = text.strip()
        self.source = text
        token = re.compile(_TOKEN)
        while position < len(text):
            match = token.match(text, position)
            if match is None:
                raise self.error()
            self.tokens.append(match[0].strip())
            position = match.end()
        self.position = 0

    def error(self) -> TextError:
        return TextError(None, f"cannot read the size {self.source!r}")

    def peek(self) -> str:
        return self.tokens[self.position] if self.position < len(self.tokens) else ""

    def take(self, expected: str | None = None) -> str:
        token = self.peek()
        if not token or (expected is not None and token != expected):
            raise self.error()
        self.position += 1
        return token

    def sum(self) -> Size:
        total = self.term()
        while self.peek() in ("+", "-"):
            sign = self.take()
            right = self.term()
            total = total + right if sign == "+" else total - right
        return total

    def term(self) -> Size:
        total = self.factor()
        while self.peek() in ("*", "//", "%"):
            operation = self.take()
            right = self.factor()
            if operation == "*":
                # A short text could name a product with billions of terms.
                if _term_count(total) * _term_count(right) > _MOST_TERMS:
                    raise self.error()
                total = total * right
            elif operation == "//":
                total = total // right
            else:
                total = total % right
        return total

    def factor(self) -> Size:
        token = self.take()
        if token == "-":
            return -self.factor()
        if token == "(":
            inner = self.sum()
            self.take(")")
            return inner
        if token in ("min", "max"):
            self.take("(")
            left = self.sum()
            self.take(",")
            right = self.sum()
            self.take(")")
            return (dim_minimum if token == "min" else dim_maximum)(left, right)
        if token.isdigit():
            return int(token)
        if not (token[0].isalpha() or token[0] == "_"):
            raise self.error()
        return symbol(token)


@lru_cache(maxsize=4096)
def parse_dim(text: str) -> Size:
    """Read a size as it prints.

    Args:
        text: for example ``"2*n + (m // 4)"``.

    Raises:
        TextError: the text is no size.

    Example:
        >>> parse_dim("2*n + 1 - n")
        n + 1
    """
    parser = _Parser(text)
    try:
        size = parser.sum()
    except ZeroDivisionError:
        raise parser.error() from None
    if parser.peek():
        raise parser.error()
    return size


def _term_count(size: Size) -> int:
    return 1 if isinstance(size, int) else len(size.terms)
