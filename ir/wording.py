"""What messages have in common."""

from __future__ import annotations

__all__ = ["with_article"]


def with_article(noun: str) -> str:
    """A noun, such as the name of a class, after "a" or "an".

    Example:
        >>> with_article("list"), with_article("int"), with_article("ufunc")
        ('a list', 'an int', 'a ufunc')
    """
    # Most nouns with a "u" begin as "you": a ufunc, a uint8, a UserList.
    vowel = noun[:1].lower() in tuple("aeio") or noun.lower().startswith("un")
    return f"{'an' if vowel else 'a'} {noun}"
