"""The files of bkagent/ as parsed trees, which the tests of the house read; parsed once for all of them."""

from __future__ import annotations

import ast
import functools
import gc
import json
import os
import sys
from typing import Callable, Dict, FrozenSet, Iterator, List, Mapping, NamedTuple, Tuple

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PACKAGE = os.path.join(TOP, "bkagent")


# What these tests find is the same on every Python, and 3.8 takes twice as long to read all files.
needs_newer_python = pytest.mark.skipif(sys.version_info < (3, 9), reason="the source is read by newer Pythons")


class SourceFile(NamedTuple):
    """`path` from the top with slashes, `module` its dotted name, `room` the first folder or file below bkagent/."""

    path: str
    module: str
    room: str
    tree: ast.Module


@functools.lru_cache(maxsize=None)
def files() -> Tuple[SourceFile, ...]:
    """Return all files of bkagent/, by path.

    The trees stay, so no search for garbage goes through them: while they are made, that is most of the time.
    """
    gc.disable()
    try:
        return tuple(sorted(_parse_files()))
    finally:
        gc.freeze()
        gc.enable()


def _parse_files() -> Iterator[SourceFile]:
    for folder, folders, names in os.walk(PACKAGE):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for name in names:
            if name.endswith(".py"):
                path = os.path.relpath(os.path.join(folder, name), TOP).replace(os.sep, "/")
                parts = path[:-3].split("/")
                module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    yield SourceFile(path, module, parts[1], ast.parse(file.read(), path))


def _no_condition(_: ast.If) -> bool:
    return False


def imports(file: SourceFile, is_left_out: Callable[[ast.If], bool] = _no_condition) -> Iterator[Tuple[int, str]]:
    """Yield (line, module) of each import, those within functions included.

    What stands below a condition that `is_left_out` names is not looked at, but its `else` is.
    """
    modules = _modules()
    for node in _statements(file.tree, is_left_out):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file.path}:{node.lineno}: imports are absolute"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield node.lineno, whole if whole in modules else node.module or ""


def _statements(tree: ast.Module, is_left_out: Callable[[ast.If], bool]) -> Iterator[ast.AST]:
    """Yield every statement, however deep: most of a tree are expressions, which have none."""
    waiting: List[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        for field in ("body", "orelse", "finalbody", "handlers", "cases"):
            if field == "body" and isinstance(node, ast.If) and is_left_out(node):
                continue
            nodes = getattr(node, field, None)
            if isinstance(nodes, list):
                waiting += nodes


@functools.lru_cache(maxsize=None)
def _modules() -> FrozenSet[str]:
    return frozenset(file.module for file in files())


def circles(arrows: Dict[str, List[str]]) -> List[List[str]]:
    """Return the groups of modules that reach each other by `arrows`, each sorted. Source: Tarjan's algorithm."""
    order: Dict[str, int] = {}
    lowest: Dict[str, int] = {}
    open_: List[str] = []
    groups: List[List[str]] = []

    def visit(module: str) -> None:
        order[module] = lowest[module] = len(order)
        open_.append(module)
        for other in arrows[module]:
            if other not in order:
                visit(other)
                lowest[module] = min(lowest[module], lowest[other])
            elif other in open_:
                lowest[module] = min(lowest[module], order[other])
        if lowest[module] == order[module]:
            at = open_.index(module)
            groups.append(sorted(open_[at:]))
            del open_[at:]

    for module in sorted(arrows):
        if module not in order:
            visit(module)
    return sorted(group for group in groups if len(group) > 1 or group[0] in arrows[group[0]])


def breaches(rule: str, found: Mapping[str, str]) -> List[str]:
    """Return a sentence for each breach of a rule that is no exception, and for each exception that is no longer one.

    `found` has what is wrong with each. The exceptions are in tests/data/house_exceptions.json.
    """
    with open(os.path.join(TOP, "tests", "data", "house_exceptions.json"), encoding="utf-8") as file:
        exceptions = set(json.load(file)[rule])
    fresh = [f"{name}: {found[name]}" for name in sorted(set(found) - exceptions)]
    return fresh + [f"{name}: mended, take it off house_exceptions.json" for name in sorted(exceptions - set(found))]
