"""The rooms and the arrows between them, and the three fences: environment, platform, printing."""

import ast
import os
import re
import sys
from typing import Dict, List, Tuple

from tests.source_tree import PACKAGE, circles, files, imports, needs_newer_python

LAYERS = (  # a room imports rooms on lower lines only, never a neighbour on its own line
    {"__main__"}, {"cli"}, {"localrun"}, {"agent", "controlplane"}, {"job"},
    {"artifacts", "checkout", "hooks", "logs", "plugins"}, {"git"},
    {"localapi", "pipeline", "remote", "shell"}, {"cloud"},
    {"transport", "yaml", "markdown", "redaction", "regexp", "jose", "warm"},
    {"config", "wire", "spool"}, {"system"}, {"errors", "report", "version", "named_tuple", "bytecode"},
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
PLATFORM_MODULES = {
    "fcntl", "msvcrt", "pty", "termios", "ctypes", "_ctypes", "winreg", "tty", "resource", "grp", "pwd", "platform",
}  # fmt: skip
# What of these modules is for one room alone, and which.
FENCED = {
    "os": {"environ": "config", "environb": "config", "getenv": "config", "name": "system", "uname": "system"},
    "sys": {
        "stdout": "cli", "stderr": "cli", "__stdout__": "cli", "__stderr__": "cli", "platform": "system",
        "getwindowsversion": "system",
    },
}  # fmt: skip


def _map_lines() -> "List[Tuple[List[str], str]]":
    """Return (rooms, what is said of them) of each layer in the map of bkagent/README.md."""
    with open(os.path.join(PACKAGE, "README.md"), encoding="utf-8") as file:
        block = file.read().split("\n\n")[2]
    layers: "List[Tuple[List[str], str]]" = []
    for line in block.splitlines():
        if re.match(r" {4}\S", line):
            head, _, text = line.strip().partition("  ")
            layers.append((re.split(r"[ |]+", head), text))
        else:
            layers[-1] = layers[-1][0], f"{layers[-1][1]} {line}"
    return layers


def test_the_map_the_list_and_the_folders_name_the_same_rooms() -> None:
    """The map layer by layer, since it says that a room imports only what is below it."""
    rooms = {file.room for file in files()} - {"__init__"}
    folders = {entry.name for entry in os.scandir(PACKAGE) if entry.is_dir() and entry.name != "__pycache__"}
    assert rooms == set(LEVEL)
    assert folders <= rooms
    assert [sorted(layer) for layer in LAYERS] == [sorted(layer) for layer, _ in _map_lines()]
    assert len(LEVEL) == sum(map(len, LAYERS))


def test_the_map_names_every_folder_of_a_room() -> None:
    """Where it describes that room, or by its whole path."""
    with open(os.path.join(PACKAGE, "README.md"), encoding="utf-8") as file:
        whole = file.read()
    described = {room: text for layer, text in _map_lines() for room in layer}
    unnamed = set()
    for file in files():
        folders = file.path.split("/")[1:-1]
        for depth, name in enumerate(folders[1:], 2):
            path = "/".join(folders[:depth]) + "/"
            if not re.search(rf"(?<!\w){name}/", described[file.room]) and path not in whole:
                unnamed.add(path)
    assert not sorted(unnamed)


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


# Of the standard library in one version or another.
_OF_SOME_VERSIONS = ("_json", "_sha2", "_sha256")


def test_only_the_standard_library_is_imported() -> None:
    if sys.version_info < (3, 10):
        known = None
    else:
        known = set(sys.stdlib_module_names)
    wrong = []
    for file in files():
        for line, module in imports(file):
            head = module.split(".")[0]
            if head not in ("bkagent", *_OF_SOME_VERSIONS) and known is not None and head not in known:
                wrong.append(f"{file.path}:{line}: {module} is not of the standard library")
    assert not wrong, "\n".join(wrong)


@needs_newer_python
def test_fences() -> None:
    """Only `config` reads the environment, only `system` asks the platform, only `cli` prints."""
    wrong = []
    for file in files():
        path, room = file.path, file.room
        for line, module in imports(file):
            if module.split(".")[0] in PLATFORM_MODULES and room != "system":
                wrong.append(f"{path}:{line}: imports {module} outside system/")
        names = _names_of_modules(file.tree)
        for node in ast.walk(file.tree):
            trespass = _trespass(node, room, names)
            if trespass:
                wrong.append(f"{path}:{getattr(node, 'lineno', 0)}: {trespass}")
    assert not wrong, "\n".join(wrong)


def _names_of_modules(tree: ast.Module) -> "Dict[str, str]":
    """Return the names by which a file knows modules, each with the module."""
    imported = [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
    return {alias.asname or alias.name: alias.name for node in imported for alias in node.names}


def _trespass(node: ast.AST, room: str, names: "Dict[str, str]") -> str:
    asked: "List[Tuple[str, str]]" = []
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        asked = [(names.get(node.value.id, ""), node.attr)]
    elif isinstance(node, ast.ImportFrom):
        asked = [(node.module or "", alias.name) for alias in node.names]
    for module, name in asked:
        owner = FENCED.get(module, {}).get(name, room)
        if owner != room and not (owner == "cli" and room == "__main__"):
            return f"asks {module}.{name} outside {owner}/"
    if isinstance(node, ast.Compare) and room != "system":
        sides = [node.left, *node.comparators]
        if any(ast.dump(side) == _SEPARATOR for side in sides) and any(
            isinstance(side, ast.Constant) for side in sides
        ):
            return "asks by os.sep which system this is, outside system/"
    called = node.func if isinstance(node, ast.Call) else None
    if isinstance(called, ast.Name) and called.id == "print" and room not in ("cli", "__main__"):
        return "prints outside cli/"
    return ""


_SEPARATOR = ast.dump(ast.parse("os.sep", mode="eval").body)


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
