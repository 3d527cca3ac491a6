"""The name of a variable stands in one file of bkagent/, besides `wire`; other files import it from there.

Names are found in the option tables and in the code: as a text, as one word of a text of several, joined from a
prefix and a list of words, as in `"BUILDKITE_" + name for name in ("PIPELINE", "BRANCH")`, and joined by a function of
the file, as in `_ignored(..., "TRACING_BACKEND")`, also by `"BUILDKITE_%s"`; as bytes, with a `=` behind, and as the
name of an argument. Sentences and shell programs may repeat a name: there it is what a
person looks for, and a program in another language cannot import it.
"""

from __future__ import annotations

import ast
import collections
import importlib
import os
import re
from typing import Dict, Iterator, List, Set

from bkagent.config.option import Option
from bkagent.config.variables import job_variables
from tests.source_tree import PACKAGE, breaches, files, needs_newer_python

_NAME = re.compile(r"(BUILDKITE|BKAGENT)_[A-Z0-9_]*[A-Z0-9]")
_PREFIX = re.compile(r"(BUILDKITE|BKAGENT)(_([A-Z0-9_]+_)?)?")
_BLANK = re.compile(r"(%s|\{\w*\})$")  # which a prefix ends with that is formatted
_REST = re.compile(r"[A-Z0-9_]*[A-Z0-9]")
# It cannot import `config`, which is its neighbour.
_EXEMPT = ("wire",)


def _declared_variables() -> "Set[str]":
    """Return the variables that set an option, and those that jobs are told."""
    folder = os.path.join(PACKAGE, "config", "options")
    names = set(job_variables.BY_NAME)
    for file in sorted(os.listdir(folder)):
        if file.endswith(".py"):
            module = importlib.import_module(f"bkagent.config.options.{file[:-3]}")
            for table in vars(module).values():
                for option in table if isinstance(table, tuple) else (table,):
                    if isinstance(option, Option):
                        names.update(option.env)
    return names


def _texts(node: ast.AST) -> "List[str]":
    """Return the texts of a literal tuple, list or set, or of `"A B".split()`."""
    if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
        return [one.value for one in node.elts if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    called = node.func if isinstance(node, ast.Call) else None
    if isinstance(called, ast.Attribute) and called.attr == "split" and isinstance(called.value, ast.Constant):
        return str(called.value.value).split()
    return []


def _joined(prefix: ast.AST, tree: ast.AST) -> "Iterator[str]":
    """Yield the names that are made of a prefix, by `+` or within `f""`, and the words of the loops around."""
    tail = ""
    if isinstance(prefix, ast.BinOp) and isinstance(prefix.op, ast.Add):
        first, second = prefix.left, prefix.right
    elif isinstance(prefix, ast.JoinedStr) and len(prefix.values) in (2, 3):
        first, second = prefix.values[:2]
        second = getattr(second, "value", second)
        tail = "".join(str(getattr(last, "value", "")) for last in prefix.values[2:])
    else:
        return
    head = first.value if isinstance(first, ast.Constant) else None
    if not isinstance(head, str) or not _PREFIX.fullmatch(head) or not isinstance(second, ast.Name):
        return
    for node in ast.walk(tree):
        loops = [node] if isinstance(node, ast.For) else getattr(node, "generators", [])
        for loop in loops:
            if isinstance(loop.target, ast.Name) and loop.target.id == second.id and _is_within(prefix, node):
                yield from (head + text + tail for text in _texts(loop.iter))


def _joined_by_functions(tree: ast.Module, known: "Set[str]") -> "Iterator[str]":
    """Yield the known names that are a prefix of the file, which some function of it adds, and another text of it."""
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    prefixes = {_BLANK.sub("", text) for text in texts}
    for prefix in filter(_PREFIX.fullmatch, prefixes):
        yield from (prefix + text for text in filter(_REST.fullmatch, texts) if prefix + text in known)


def _is_within(inner: ast.AST, outer: ast.AST) -> bool:
    return any(node is inner for node in ast.walk(outer))


def _names(tree: ast.Module, known: "Set[str]") -> "Iterator[str]":
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg in known:
            yield str(node.arg)
        if isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes)):
            text = node.value if isinstance(node.value, str) else node.value.decode("latin-1")
            words = re.split(r"[\s,]+", text.strip().rstrip("="))
            if all(_NAME.fullmatch(word) or word in known for word in words):
                yield from words
        yield from _joined(node, tree)
    yield from _joined_by_functions(tree, known)


def homes() -> "Dict[str, List[str]]":
    """Return the files that have each name in their code."""
    known = _declared_variables()
    found: "Dict[str, Set[str]]" = collections.defaultdict(set)
    for file in files():
        if file.room not in _EXEMPT:
            for name in _names(file.tree, known):
                found[name].add(file.path)
    return {name: sorted(paths) for name, paths in found.items()}


@needs_newer_python
def test_each_variable_has_one_home() -> None:
    shared = {f"{name} {len(paths)}": ", ".join(paths) for name, paths in homes().items() if len(paths) > 1}
    assert not breaches("variables in several files", shared)
