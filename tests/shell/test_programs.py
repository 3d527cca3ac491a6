"""The entries of a PATH."""

import pytest

from bkagent.shell import programs


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (r"C:\a;C:\b", ["C:\\a", "C:\\b"]),
        (r'"C:\Program Files\x";C:\b', ["C:\\Program Files\\x", "C:\\b"]),
        (r'C:\a;"C:\b;c\d";e', ["C:\\a", "C:\\b;c\\d", "e"]),
        (r'C:\"a;b"\c;"open;e', ["C:\\a;b\\c", "open;e"]),
        ("", [""]),
    ],
)
def test_quotes_stand_around_entries_on_windows(path: str, expected: "list[str]") -> None:
    assert programs.folders(path, ";", takes_quotes=True) == expected


def test_elsewhere_a_quote_is_a_letter() -> None:
    assert programs.folders('/a:"/b:c"', ":", takes_quotes=False) == ["/a", '"/b', 'c"']
