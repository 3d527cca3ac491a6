"""Which functions of bkagent/ can be reached from the code that runs when its modules or the archive are loaded."""

from __future__ import annotations

import ast
import os
from typing import Dict, Iterator, List, NamedTuple, Sequence, Set, Tuple

from tests.source_tree import TOP, SourceFile, files

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
# (module, name) for what a module has, ("", name) for what some object or text names.
Mention = Tuple[str, str]


class Unit(NamedTuple):
    """A function, or a module's own code (`name` is "" then): what can call it, and what it mentions."""

    shown: str
    name: str
    called_by: "Set[Mention]"
    mentions: "Set[Mention]"


def unreachable() -> "List[str]":
    """Return "path: name" of each function that only functions of this list mention, or nothing does."""
    sources = (*files(), _archive_entry())
    imported = imported_names(sources)
    units = [unit for file in sources for unit in _units(file, imported)]
    waiting: "Dict[Mention, List[Unit]]" = {}
    for unit in units:
        for mention in unit.called_by:
            waiting.setdefault(mention, []).append(unit)
    reached = [unit for unit in units if not unit.name or _is_called_by_python(unit.name)]
    seen = {unit.shown for unit in reached}
    while reached:
        for mention in reached.pop().mentions:
            for origin in _origins(mention, imported):
                for unit in waiting.get(origin, ()):
                    if unit.shown not in seen:
                        seen.add(unit.shown)
                        reached.append(unit)
    return sorted(unit.shown for unit in units if unit.shown not in seen)


def _archive_entry() -> SourceFile:
    path = "packaging/archive_entry.py"
    with open(os.path.join(TOP, path), encoding="utf-8") as text:
        return SourceFile(path, "__main__", "packaging", ast.parse(text.read(), path))


def _is_called_by_python(name: str) -> bool:
    return name in ("find_spec", "create_module", "exec_module") or name.startswith("__") and name.endswith("__")


def _origins(mention: Mention, imported: "Dict[Mention, Set[Mention]]") -> "Set[Mention]":
    """Follow a name to the modules that define it: several for the halves of a platform difference."""
    origins: "Set[Mention]" = set()
    waiting = [mention]
    while waiting:
        name = waiting.pop()
        if name not in origins:
            origins.add(name)
            waiting.extend(imported.get(name, ()))
    return origins


def imported_names(sources: "Sequence[SourceFile]") -> "Dict[Mention, Set[Mention]]":
    """Return for each name that a module has by an import, whose name it is."""
    imported: "Dict[Mention, Set[Mention]]" = {}
    for file in sources:
        for node in ast.walk(file.tree):
            for alias in node.names if isinstance(node, ast.ImportFrom) else ():
                name = file.module, alias.asname or alias.name
                imported.setdefault(name, set()).add((node.module or "", alias.name))
    return imported


def _units(file: SourceFile, imported: "Dict[Mention, Set[Mention]]") -> "Iterator[Unit]":
    """Yield the module's own code and each function, however deep; a function's code is not that of what it is in."""
    yield Unit(file.path, "", set(), set(_mentions(file, file.tree, imported)))
    owners: "List[Tuple[ast.AST, str, str]]" = [(file.tree, "", "module")]
    while owners:
        owner, prefix, kind = owners.pop()
        for node in own_nodes(owner):
            if isinstance(node, ast.ClassDef):
                owners.append((node, f"{prefix}{node.name}.", "class"))
            elif isinstance(node, _FUNCTIONS):
                called_by = {(file.module, node.name)}
                if kind == "class":
                    called_by.add(("", node.name))
                elif kind == "module":
                    called_by.add(("", f"text {node.name}"))
                yield Unit(
                    f"{file.path}: {prefix}{node.name}", node.name, called_by, set(_mentions(file, node, imported))
                )
                owners.append((node, f"{prefix}{node.name}.", "function"))


def own_nodes(owner: ast.AST) -> "Iterator[ast.AST]":
    """Yield what is in a module, class or function, but not what is in the functions and classes there."""
    waiting = list(getattr(owner, "body", []))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, (ast.ClassDef, *_FUNCTIONS)):
            waiting.extend(ast.iter_child_nodes(node))


def _mentions(file: SourceFile, owner: ast.AST, imported: "Dict[Mention, Set[Mention]]") -> "Iterator[Mention]":
    """Yield what the code of a module or function asks for: classes are part of it, functions within are not."""
    waiting = list(getattr(owner, "body", []))
    while waiting:
        node = waiting.pop()
        if isinstance(node, _FUNCTIONS):
            waiting += [*node.decorator_list, node.args]
            continue
        if isinstance(node, ast.Assign) and any(getattr(target, "id", "") == "__all__" for target in node.targets):
            continue
        waiting.extend(ast.iter_child_nodes(node))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield file.module, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            yield "", node.attr
            if isinstance(node.value, ast.Name):
                for package, module in imported.get((file.module, node.value.id), ()):
                    yield f"{package}.{module}", node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
            yield "", node.value
            yield "", f"text {node.value}"
