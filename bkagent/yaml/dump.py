"""Plain values to YAML text in blocks, laid out as by Go's yaml.v3."""

from __future__ import annotations

from typing import Any, List

from bkagent.yaml import presentation


def dumps(value: Any, step: int = 4) -> str:
    """Return the YAML text of None, booleans, numbers, texts, lists and dictionaries; it ends with a line end.

    `step` is the indentation in columns, whose default is that of Go.
    """
    lines: List[str] = []
    if isinstance(value, (dict, list)) and value:
        _write(value, lines, "", 0, step)
    else:
        _write_leaf(value, lines, "", 0, step)
    return "\n".join(lines) + "\n"


def _write(value: Any, lines: List[str], first: str, column: int, step: int) -> None:
    """Add the lines of a list or dictionary that stands at `column`; the first line begins with `first`."""
    indent = " " * column
    entries = value.items() if isinstance(value, dict) else [(None, item) for item in value]
    for key, item in entries:
        if isinstance(value, list):
            _write_item(item, lines, first + "-", column, step)
        else:
            _write_entry(item, lines, first + presentation.key(key) + ":", column, step)
        first = indent


def _write_item(item: Any, lines: List[str], head: str, column: int, step: int) -> None:
    """What stands in a list begins beside its dash."""
    if isinstance(item, (dict, list)) and item:
        _write(item, lines, head + " ", column + 2, step)
    else:
        _write_leaf(item, lines, head + " ", column, column + 2)


def _write_entry(item: Any, lines: List[str], head: str, column: int, step: int) -> None:
    """What belongs to a key begins below it, at the next multiple of the indentation."""
    deeper = (column + step) // step * step
    if isinstance(item, (dict, list)) and item:
        lines.append(head)
        _write(item, lines, " " * deeper, deeper, step)
    else:
        _write_leaf(item, lines, head + " ", column, deeper)


def _write_leaf(value: Any, lines: List[str], head: str, above: int, column: int) -> None:
    """Add a value that has no parts; `column` is where the lines of a block begin, `above` where its parent stands."""
    if isinstance(value, str) and presentation.is_block(value):
        lines.append(head + presentation.block_header(value, column - above))
        body = value[:-1] if value.endswith("\n") else value
        lines += [" " * column + line if line else "" for line in body.split("\n")]
    else:
        lines.append(head + presentation.leaf(value))
