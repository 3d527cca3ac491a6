"""What keeps the house as it is: sizes of classes, one class a name, no function without a caller.

What does not hold yet is in tests/data/house_exceptions.json, which may only shrink: an entry that is mended fails its
test until it is taken off.
"""

from __future__ import annotations

import ast
import collections
import functools
import os
import re
from typing import Counter, Dict, Iterator, List, NamedTuple, Set, Tuple

from tests.source_tree import SourceFile, breaches, files

CLASS_LINES, CLASS_METHODS = 300, 20
# A parser of one grammar, whose rules call each other: its class is cut where the specification is.
_FREE_IN_SIZE = ("bkagent/yaml/",)
# Halves of a promise of `system`, of which a program has one at a time.
_TWIN = re.compile(r"bkagent/system/(.*/)?_[a-z_]+_(posix|windows|linux|macos|bsd|none)\.py")


class _Class(NamedTuple):
    file: SourceFile
    node: ast.ClassDef

    @property
    def shown(self) -> str:
        return f"{self.file.path}: {self.node.name}"


def _classes() -> "Dict[str, List[_Class]]":
    named: "Dict[str, List[_Class]]" = collections.defaultdict(list)
    for file in files():
        for node in ast.walk(file.tree):
            if isinstance(node, ast.ClassDef):
                named[node.name].append(_Class(file, node))
    return named


def _whole(one: _Class, named: "Dict[str, List[_Class]]") -> "Tuple[int, Set[str]]":
    """Return the lines and the public methods of a class and of its bases, but for those of Python itself."""
    lines = (one.node.end_lineno or 0) - one.node.lineno + 1
    methods = {member.name for member in one.node.body if isinstance(member, ast.FunctionDef)}
    for base in one.node.bases:
        name = getattr(base, "id", getattr(base, "attr", ""))
        for other in named.get(name, ()):
            if other.file.module in _modules_of_names(one.file.path) and other.node is not one.node:
                more, others = _whole(other, named)
                lines, methods = lines + more, methods | others
    return lines, {name for name in methods if not name.startswith("_")}


@functools.lru_cache(maxsize=None)
def _modules_of_names(path: str) -> "Set[str]":
    """Return the modules that a file may have a name of a class from, itself among them."""
    file = next(file for file in files() if file.path == path)
    imported = {node.module for node in ast.walk(file.tree) if isinstance(node, ast.ImportFrom) and node.module}
    return imported | {file.module}


def test_no_class_is_too_big_with_its_bases() -> None:
    named, big = _classes(), {}
    for classes in named.values():
        for one in classes:
            lines, methods = _whole(one, named)
            if (lines > CLASS_LINES or len(methods) > CLASS_METHODS) and not one.file.path.startswith(_FREE_IN_SIZE):
                big[one.shown] = f"{lines} lines and {len(methods)} public methods with its bases"
    assert not breaches("big classes", big)


def test_no_two_classes_have_one_name() -> None:
    shared = {}
    for name, classes in _classes().items():
        paths = sorted(one.file.path for one in classes)
        if len({os.path.dirname(path) if _TWIN.fullmatch(path) else path for path in paths}) > 1:
            shared[name] = ", ".join(paths)
    assert not breaches("classes of one name", shared)


def _mentions(tree: ast.AST) -> "Iterator[str]":
    """Yield each name that the code asks for: by itself, of an object, by an import, or by a text."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.keyword) and node.arg:
            yield node.arg
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
            yield node.value


def _functions(tree: ast.AST) -> "Iterator[Tuple[str, str]]":
    """Yield (name with its class, name) of each function and method that somebody must call."""
    for node in ast.walk(tree):
        for member in getattr(node, "body", []) if isinstance(node, (ast.Module, ast.ClassDef)) else []:
            if isinstance(member, (ast.FunctionDef, ast.AsyncFunctionDef)) and not member.name.startswith("__"):
                owner = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
                yield owner + member.name, member.name


def test_every_function_has_a_caller() -> None:
    """In bkagent/ itself: what tests alone call is not of the product."""
    mentioned = {name for file in files() for name in _mentions(file.tree)}
    uncalled = {
        f"{file.path}: {shown}": "nothing in bkagent/ mentions it"
        for file in files()
        for shown, name in _functions(file.tree)
        if name not in mentioned
    }
    assert not breaches("functions without a caller", uncalled)


def commonest_names(count: int = 20) -> str:
    """Return the names that locals and parameters have most, with how often: a bad habit shows there first."""
    return ", ".join(f"{name} {number}" for name, number in _local_names().most_common(count))


def test_local_names_can_be_counted() -> None:
    """Shown by `python3 packaging/tasks.py layers`, and here with `pytest -s`."""
    print("commonest names of locals:", commonest_names())
    assert len(commonest_names().split(", ")) == 20


def _local_names() -> "Counter[str]":
    """Return how often each name is given to a local or a parameter."""
    names: "Counter[str]" = collections.Counter()
    for file in files():
        for node in ast.walk(file.tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names[node.id] += 1
            elif isinstance(node, ast.arg):
                names[node.arg] += 1
    return names
