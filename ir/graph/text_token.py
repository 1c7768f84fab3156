"""Splits IR text into tokens, and says where in the text an error is."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NoReturn

from penstock.ir.errors import TextError
from penstock.ir.location import Location

__all__ = [
    "CLOSING",
    "MAXIMUM_DEPTH",
    "OPENING",
    "Token",
    "Tokens",
    "shortened",
]

MAXIMUM_DEPTH = 64
"""How deep brackets and regions may nest, lest reading them overflow the stack."""

_TOKEN = re.compile(
    r"""[ \t\r\n]*(?:
        (?P<comment>\#[^\n]*)
      | (?P<string>"(?:[^"\\\n]|\\.)*")
      | (?P<value>%[A-Za-z0-9_]+)
      | (?P<function>@[A-Za-z0-9_.]+)
      | (?P<number>0x[0-9a-fA-F]+|[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?)
      | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<sign>->|==|!=|<=|>=|//|[-+*/%()\[\]{},:=<>])
      | (?P<wrong>[^ \t\r\n]))""",
    re.VERBOSE | re.ASCII,
)
_PLACE = re.compile(r"([^\s:]\S*?):([0-9]{1,9})(?::([0-9]{1,9}))?(['*]?)")
OPENING = frozenset("([{")
CLOSING = frozenset(")]}")


class TextLocation(Location):
    """A place in IR text, which is in no file."""

    __slots__ = ("_source",)

    def __init__(self, file: str, text: str, start: int, end: int) -> None:
        line_start = text.rfind("\n", 0, start) + 1
        line_end = text.find("\n", start)
        source = text[line_start : len(text) if line_end < 0 else line_end]
        self._source = source
        before = text[line_start:start].encode(errors="replace")
        within = source[start - line_start : end - line_start].encode(errors="replace")
        super().__init__(
            file,
            text.count("\n", 0, start) + 1,
            len(before),
            len(before) + max(len(within), 1),
        )

    def source_line(self) -> str:
        # A line that fills a screen says less than none.
        return self._source if len(self._source) <= 200 else ""


class Token:
    """A piece of text of one kind: a name, a number, a sign, or the end."""

    __slots__ = ("end", "kind", "start", "text")

    def __init__(self, kind: str, text: str, start: int, end: int) -> None:
        self.kind = kind
        self.text = text
        self.start = start
        self.end = end


class Tokens:
    """The tokens of one text, read one after the other."""

    # Characters of one size or guard: estimates of work, and the sizes of many arrays
    # that are joined, are long polynomials.
    longest = 1 << 14

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        # The places that comments name, by where the token before them starts.
        self.places: dict[int, tuple[Location, ...]] = {}
        self.tokens = self._split()
        self.position = 0

    def _split(self) -> list[Token]:
        tokens: list[Token] = []
        text = self.text
        for match in _TOKEN.finditer(text):
            kind = match.lastgroup or ""
            start, end = match.span(kind)
            if kind == "comment":
                if tokens and "\n" not in text[tokens[-1].end : start]:
                    self.places[tokens[-1].start] = _places(match[kind])
            elif kind == "wrong":
                found = f"unexpected character {match[kind]!r}"
                raise self.error_at(found, start, end)
            else:
                tokens.append(Token(kind, match[kind], start, end))
        tokens.append(Token("end", "", len(text), len(text)))
        return tokens

    @property
    def token(self) -> Token:
        """The next token, not yet taken."""
        return self.tokens[self.position]

    def next(self) -> Token:
        """Take the next token; the end is never taken."""
        token = self.token
        if token.kind != "end":
            self.position += 1
        return token

    def accept(self, text: str) -> bool:
        """Take the next token if it is this, and say whether it was."""
        found = self.token.text == text
        self.position += found
        return found

    def expect(self, text: str) -> Token:
        """Take the next token, which must be this."""
        if self.token.text != text:
            self.unexpected(f"'{text}'")
        return self.next()

    def expect_kind(self, kind: str, noun: str) -> Token:
        """Take the next token, which must be of this kind."""
        if self.token.kind != kind:
            self.unexpected(noun)
        return self.next()

    def unexpected(self, wanted: str) -> NoReturn:
        """Raise a TextError at the next token."""
        token = self.token
        found = "the end of the text" if token.kind == "end" else shortened(token.text)
        raise self.error(f"expected {wanted}, found {found}")

    def error(
        self, message: str, token: Token | None = None, hint: str | None = None
    ) -> TextError:
        """An error at a token, by default the next one."""
        token = token or self.token
        return self.error_at(message, token.start, token.end, hint)

    def error_at(
        self, message: str, start: int, end: int, hint: str | None = None
    ) -> TextError:
        """An error at a piece of the text."""
        loc = TextLocation(self.file, self.text, start, end)
        return TextError(loc, message, hint=hint)

    def until(self, stops: str) -> tuple[str, int, int]:
        """The text up to one of the stops outside brackets, and where it stands."""
        first = self.token
        depth = 0
        while self.token.kind != "end" and (depth or self.token.text not in stops):
            text = self.next().text
            depth += (text in OPENING) - (text in CLOSING)
            if depth < 0:
                raise self.error("unmatched bracket", self.tokens[self.position - 1])
            if depth > MAXIMUM_DEPTH or self.token.start - first.start > self.longest:
                raise self.error("an expression is too long", first)
        end = self.tokens[self.position - 1].end if self.token is not first else 0
        return self.text[first.start : end], first.start, max(end, first.start + 1)


@lru_cache(maxsize=1024)
def _places(comment: str) -> tuple[Location, ...]:
    """The places that a comment names; none if it says anything else."""
    places = []
    for part in comment[1:].strip().split(", "):
        match = _PLACE.fullmatch(part)
        if match is None:
            return ()
        column = int(match[3] or 0)
        start = max(column - 1, 0)
        places.append(Location(match[1], int(match[2]), start, column, match[4]))
    return tuple(places)


def shortened(text: str) -> str:
    """A piece of the text for a message, in quotes and not too long."""
    return repr(text if len(text) <= 40 else f"{text[:40]}...")
