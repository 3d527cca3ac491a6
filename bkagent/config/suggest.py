"""Guess which of some words a misspelt one was meant to be."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List


def closest(word: str, known: "List[str]") -> str:
    """Return the closest of `known`, or "" when none is close."""
    import difflib

    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return close[0] if close else ""
