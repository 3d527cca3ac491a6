"""The rooms and the arrows between them, and the three fences: environment, platform, printing."""

import ast
import os
import re
import sys
from typing import Dict, List, Set

from tests.source_tree import PACKAGE, circles, files, imports

LAYERS = (  # a room imports rooms on lower lines only, never a neighbour on its own line
    {"__main__"}, {"cli"}, {"localrun"}, {"agent", "controlplane"}, {"job"},
    {"artifacts", "checkout", "hooks", "logs", "plugins"}, {"git"},
    {"localapi", "pipeline", "remote", "shell"}, {"transport", "yaml", "markdown", "redaction", "regexp", "warm"},
    {"config", "wire", "spool"}, {"system"}, {"errors", "report", "version"},
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


def _mapped_rooms() -> "Set[str]":
    """Return the rooms that the map of bkagent/README.md begins its lines with."""
    with open(os.path.join(PACKAGE, "README.md"), encoding="utf-8") as file:
        block = file.read().split("\n\n")[2]
    heads = [re.split(r"\s{2,}", line.strip())[0] for line in block.splitlines() if re.match(r" {4}\S", line)]
    return {room for head in heads for room in re.split(r"[ |]+", head)}


def test_the_map_the_list_and_the_folders_name_the_same_rooms() -> None:
    rooms = {file.room for file in files()} - {"__init__"}
    assert rooms == set(LEVEL)
    assert rooms == _mapped_rooms()


def test_the_map_names_every_folder_of_a_room() -> None:
    with open(os.path.join(PACKAGE, "README.md"), encoding="utf-8") as file:
        text = file.read()
    folders = {part for file in files() for part in file.path.split("/")[2:-1]}
    assert not sorted(name for name in folders if f"{name}/" not in text)


def test_no_modules_import_each_other() -> None:
    """Neither when they are loaded nor later, within a function, nor for the sake of an annotation."""
    modules = {file.module for file in files()}
    arrows: "Dict[str, List[str]]" = {}
    for file in files():
        arrows[file.module] = sorted({module for _, module in imports(file) if module in modules})
    assert not [" <-> ".join(circle) for circle in circles(arrows)]


def test_arrows_point_down() -> None:
    wrong = []
    for file in files():
        path, room = file.path, file.room
        for line, module in imports(file):
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
    for file in files():
        for line, module in imports(file):
            head = module.split(".")[0]
            if head not in ("bkagent", "_json") and known is not None and head not in known:
                wrong.append(f"{file.path}:{line}: {module} is not of the standard library")
    assert not wrong, "\n".join(wrong)


def test_fences() -> None:
    """Only `config` reads the environment, only `system` asks the platform, only `cli` prints."""
    wrong = []
    for file in files():
        path, room = file.path, file.room
        for line, module in imports(file):
            if module.split(".")[0] in PLATFORM_MODULES and room != "system":
                wrong.append(f"{path}:{line}: imports {module} outside system/")
        for node in ast.walk(file.tree):
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
                and table.COMMANDS[name]
                and (module.COMMAND.example or name in table.HIDDEN)
            )
