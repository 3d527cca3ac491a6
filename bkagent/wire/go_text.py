"""Texts as Go's `strings` and `unicode` read them: letter by letter, and with Unicode's own white space.

Python's methods differ: `strip` and `isspace` take the separators U+001C to U+001F for blanks, and `upper` makes two
letters of one. On the short path.
"""

# What Unicode calls white space.
SPACES = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"


def trim(text: str) -> str:
    """Return the text without white space at its ends."""
    return text.strip(SPACES)


def has_space(text: str) -> bool:
    """Return whether any letter is white space."""
    return any(letter in SPACES for letter in text)


def upper(text: str) -> str:
    """Return capitals, letter by letter; a letter without a single capital stays."""
    return text.upper() if text.isascii() else "".join(map(_capital, text))


def lower(text: str) -> str:
    """Return small letters, letter by letter."""
    return text.lower() if text.isascii() else "".join(letter.lower()[0] for letter in text)


def _capital(letter: str) -> str:
    # A letter whose capital is two may have one for the beginning of a word.
    return next((form for form in (letter.upper(), letter.title()) if len(form) == 1), letter)
