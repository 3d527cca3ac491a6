"""The rooms and the arrows between them, and the three fences: environment, platform, printing."""

import ast
import functools
import os
import sys
from typing import Iterator, Tuple

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PACKAGE = os.path.join(TOP, "bkagent")

LAYERS = (  # a room imports rooms on lower lines only, never a neighbour on its own line
    {"__main__"}, {"cli"}, {"localrun"}, {"agent", "controlplane"}, {"job"},
    {"artifacts", "checkout", "hooks", "logs", "plugins"}, {"git"},
    {"localapi", "pipeline", "remote", "shell"}, {"transport", "yaml", "markdown", "redaction", "regexp", "warm"},
    {"config", "wire", "spool"}, {"system"}, {"errors", "version"},
)  # fmt: skip
LEVEL = {room: depth for depth, rooms in enumerate(LAYERS) for room in rooms}

# The control plane serves any agent and the agent works against any server: neither may lean on the other's side.
STRANGERS = {
    "controlplane": {
        "artifacts",
        "checkout",
        "git",
        "hooks",
        "job",
        "localapi",
        "logs",
        "plugins",
        "remote",
        "shell",
        "spool",
        "warm",
    },  # fmt: skip
    "agent": {"controlplane"},
}
PLATFORM_MODULES = {"fcntl", "msvcrt", "pty", "termios", "ctypes", "winreg", "tty", "resource", "grp", "pwd"}


@functools.lru_cache(maxsize=None)
def _files() -> "Tuple[Tuple[str, str, ast.Module], ...]":
    """Return (path from the top, room, tree) of each file, which are parsed once for all tests."""
    return tuple(_parse_files())


def _parse_files() -> "Iterator[Tuple[str, str, ast.Module]]":
    for folder, folders, names in os.walk(PACKAGE):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for name in names:
            if name.endswith(".py"):
                path = os.path.join(folder, name)
                shown = os.path.relpath(path, TOP).replace(os.sep, "/")
                first = os.path.relpath(path, PACKAGE).split(os.sep)[0]
                with open(path, encoding="utf-8") as file:
                    yield shown, first[:-3] if first.endswith(".py") else first, ast.parse(file.read(), shown)


def _imports(tree: ast.Module, path: str) -> "Iterator[Tuple[int, str]]":
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            if node.module == "bkagent":
                for alias in node.names:
                    yield node.lineno, f"bkagent.{alias.name}"
            else:
                yield node.lineno, node.module or ""


def test_every_room_is_on_the_list() -> None:
    assert {room for _, room, _ in _files()} <= set(LEVEL) | {"__init__"}


def test_arrows_point_down() -> None:
    wrong = []
    for path, room, tree in _files():
        for line, module in _imports(tree, path):
            parts = module.split(".")
            if parts[0] != "bkagent" or len(parts) < 2 or parts[1] == room:
                continue
            if LEVEL[room] >= LEVEL[parts[1]] or parts[1] in STRANGERS.get(room, ()):
                wrong.append(f"{path}:{line}: {room} must not import {parts[1]}")
    assert not wrong, "\n".join(wrong)


def test_only_the_standard_library_is_imported() -> None:
    if sys.version_info < (3, 10):
        known = None
    else:
        known = set(sys.stdlib_module_names)
    wrong = []
    for path, _, tree in _files():
        for line, module in _imports(tree, path):
            head = module.split(".")[0]
            if head not in ("bkagent", "_json") and known is not None and head not in known:
                wrong.append(f"{path}:{line}: {module} is not of the standard library")
    assert not wrong, "\n".join(wrong)


def test_fences() -> None:
    """Only `config` reads the environment, only `system` asks the platform, only `cli` prints."""
    wrong = []
    for path, room, tree in _files():
        for line, module in _imports(tree, path):
            if module.split(".")[0] in PLATFORM_MODULES and room != "system":
                wrong.append(f"{path}:{line}: imports {module} outside system/")
        for node in ast.walk(tree):
            trespass = _trespass(node, room)
            if trespass:
                wrong.append(f"{path}:{getattr(node, 'lineno', 0)}: {trespass}")
    assert not wrong, "\n".join(wrong)


def _trespass(node: ast.AST, room: str) -> str:
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        name = f"{node.value.id}.{node.attr}"
        if name in ("os.environ", "os.getenv", "os.environb") and room != "config":
            return f"reads {name} outside config/"
        if name in ("sys.stdout", "sys.stderr") and room not in ("cli", "__main__"):
            return f"touches {name} outside cli/"
        if name in ("sys.platform", "os.name", "platform.system") and room != "system":
            return f"asks {name} outside system/"
    called = node.func if isinstance(node, ast.Call) else None
    if isinstance(called, ast.Name) and called.id == "print" and room not in ("cli", "__main__"):
        return "prints outside cli/"
    return ""


def test_the_command_line_is_complete() -> None:
    """Each command of the table has its file, and each file its place in the table."""
    from bkagent.cli import table

    folder = os.path.join(PACKAGE, "cli", "commands")
    files = {name[:-3] for name in os.listdir(folder) if name.endswith(".py") and name != "__init__.py"}
    modules = {table.module_name(name).rpartition(".")[2] for name in table.COMMANDS if name != "help"}
    assert files == modules
    for name in table.COMMANDS:
        if name != "help":
            module = __import__(table.module_name(name), fromlist=["COMMAND"])
            assert (
                module.COMMAND.name == name
                and module.COMMAND.summary
                and (module.COMMAND.example or name in table.HIDDEN)
            )
