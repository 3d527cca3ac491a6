"""What the archive packs of a source file: everything but comments and docstrings, each line in its place."""

from __future__ import annotations

import os
import sys
import textwrap

import pytest

from tests.source_tree import TOP

sys.path.insert(0, os.path.join(TOP, "packaging"))

from lean_source import lean  # noqa: E402

CASES = {
    "a module's own text": ('"""About.\n\nMore.\n"""\nX = 1\n', "\n\n\n\nX = 1\n"),
    "comments": ("# first\nX = 1  # why\n#last\n", "\nX = 1\n\n"),
    "what only looks like a comment": ("X = '# no'\nY = f'{X} # no'\nZ = '''\n# no\n'''\n",) * 2,
    "a function": (
        'def f():\n    """Say."""\n    return 1\n', "def f():\n\n    return 1\n"
    ),
    "a body that is all text": (
        'class E(Exception):\n    """One\n    two."""  # why\n\n\nX = E\n',
        "class E(Exception):\n    pass\n\n\n\nX = E\n",
    ),
    "a body in the line of its head": ('def f(): """Say."""\n', "def f(): pass\n"),
    "a text after one": ('class A:\n    x = 1\n    """X."""\n    y = 2\n', "class A:\n    x = 1\n\n    y = 2\n"),
    "a text that is used": ('X = (\n    """kept"""\n)\nprint("""kept""")\n',) * 2,
    "another language's letters": ("X = 'äöü'  # äöü\n", "X = 'äöü'\n"),
    "a comment between brackets": ("X = [\n    1,  # one\n    # two\n]\n", "X = [\n    1,\n\n]\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_comments_and_docstrings_go_and_lines_stay_where_they_are(name: str) -> None:
    source, expected = CASES[name]
    assert lean(source.encode(), "x.py").decode() == expected


def test_a_file_that_would_become_another_program_is_refused() -> None:
    source = textwrap.dedent('''\
        def f():
            """Say."""; return 1
    ''')
    with pytest.raises(ValueError, match="x.py"):
        lean(source.encode(), "x.py")
