"""What messages have in common."""

from __future__ import annotations

__all__ = ["with_article"]


def with_article(noun: str) -> str:
    """A noun, such as the name of a class, after "a" or "an".

    Example:
        >>> with_article("list"), with_article("int")
        ('a list', 'an int')
    """
    return f"{'an' if noun[:1].lower() in tuple('aeiou') else 'a'} {noun}"
