"""What keeps the house as it is: sizes of classes, one class a name, no function without a caller.

What does not hold yet is in tests/data/house_exceptions.json, which may only shrink: an entry that is mended fails its
test until it is taken off.
"""

from __future__ import annotations

import ast
import collections
import functools
import re
from typing import Counter, Dict, Iterator, List, NamedTuple, Set, Tuple

from tests import reachable_code
from tests.source_tree import SourceFile, breaches, files, needs_newer_python

pytestmark = needs_newer_python
CLASS_LINES, CLASS_METHODS = 300, 20
# The halves of one promise of `system`, of which a program has one at a time; the promise is the group.
_TWIN = re.compile(r"(bkagent/system/(?:.*/)?_[a-z_]+)_(?:posix|windows|linux|macos|bsd|none)\.py")


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
    lines, methods = (one.node.end_lineno or 0) - one.node.lineno + 1, set(_methods(one.node))
    modules, names = _known_to(one.file.path)
    for base in one.node.bases:
        base = base.value if isinstance(base, ast.Subscript) else base
        name = getattr(base, "id", getattr(base, "attr", ""))
        for other in named.get(names.get(name, name), ()):
            if other.file.module in modules and other.node is not one.node:
                more, others = _whole(other, named)
                lines, methods = lines + more, methods | others
    return lines, {name for name in methods if not name.startswith("_")}


def _methods(node: ast.ClassDef) -> "Iterator[str]":
    """Yield the names of a class's methods, however they are written."""
    for member in reachable_code.own_nodes(node):
        if isinstance(member, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield member.name
        elif isinstance(member, ast.Assign) and isinstance(member.value, ast.Lambda):
            yield from (target.id for target in member.targets if isinstance(target, ast.Name))


@functools.lru_cache(maxsize=None)
def _known_to(path: str) -> "Tuple[Set[str], Dict[str, str]]":
    """Return the modules that a file may have a class from, itself among them, and its own names for classes."""
    file = next(file for file in files() if file.path == path)
    modules, names = {file.module}, {}
    for node in ast.walk(file.tree):
        if isinstance(node, ast.ImportFrom):
            modules.update((node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)))
            names.update((alias.asname, alias.name) for alias in node.names if alias.asname)
        elif isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Name):
            names.update((target.id, node.value.id) for target in node.targets if isinstance(target, ast.Name))
    return modules, names


def test_no_class_is_too_big_with_its_bases() -> None:
    named, big = _classes(), {}
    for classes in named.values():
        for one in classes:
            lines, methods = _whole(one, named)
            if lines > CLASS_LINES or len(methods) > CLASS_METHODS:
                big[one.shown] = f"{lines} lines and {len(methods)} public methods with its bases"
    assert not breaches("big classes", big)


def _have_one_user(name: str, classes: "List[_Class]") -> bool:
    """Return whether a module imports the name from all of these files: from one on each platform."""
    halves = {(one.file.module, name) for one in classes if "/_" in one.file.path}
    imported = reachable_code.imported_names(files())
    return len(halves) == len(classes) and any(halves <= origins for origins in imported.values())


def test_no_two_classes_have_one_name() -> None:
    shared = {}
    for name, classes in _classes().items():
        paths = sorted(one.file.path for one in classes)
        promises = {_TWIN.sub(r"\1", path) for path in paths}
        if len(set(paths)) < len(paths) or (len(promises) > 1 and not _have_one_user(name, classes)):
            shared[name] = ", ".join(paths)
    assert not breaches("classes of one name", shared)


def test_every_function_has_a_caller() -> None:
    """In bkagent/ itself, and one that runs: neither a test nor another function without a caller counts."""
    uncalled = dict.fromkeys(reachable_code.unreachable(), "nothing that runs mentions it")
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
