"""Whole numbers as texts from elsewhere have them."""


def is_whole(text: str, longest: int = 18) -> bool:
    """Return whether a text is ASCII digits alone, so few that they fit into 64 bits and cost `int()` no time.

    `int()` itself also takes signs, blanks, underscores and the digits of other scripts.
    """
    return text.isascii() and text.isdigit() and len(text) <= longest
