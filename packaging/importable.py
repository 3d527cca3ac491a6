"""Which files of the code must be importable out of the archive itself: the others are packed together, to be smaller.

Nothing is unpacked in a container, where a job's launcher is all there is, nor before it is known where to. So what the
commands of jobs may load is importable, and what the archive loads first. A machine that runs an agent or a control
plane has all of the code unpacked.
"""

import ast

PACKAGE = "bkagent"
# Commands and groups of commands that are not for containers.
UNPACKED_COMMANDS = (
    "agent-api-process", "bootstrap", "build create", "command-process", "config", "job-process",
    "kubernetes-bootstrap", "local", "server", "service", "service-process", "spool", "start",
)  # fmt: skip


def names(sources: "dict[str, bytes]", entry: str) -> "set[str]":
    """Return the names of the files that must be importable; `entry` is the source of the archive's entry."""
    modules = {_module(name): name for name in sources if name.endswith(".py")}
    left = _imported(ast.parse(entry), modules) | {_module(name) for name in _commands(sources)}
    loaded: "set[str]" = set()
    while left:
        module = left.pop()
        if module in loaded:
            continue
        loaded.add(module)
        left |= _imported(ast.parse(sources[modules[module]]), modules)
        if "." in module:
            left.add(module.rpartition(".")[0])
    return {modules[module] for module in loaded} | _data_of(sources, loaded)


def _module(name: str) -> str:
    module = name[: -len(".py")].replace("/", ".")
    return module[: -len(".__init__")] if module.endswith(".__init__") else module


def _commands(sources: "dict[str, bytes]") -> "set[str]":
    """Return the files of the commands that containers may run."""
    folder = PACKAGE + "/cli/commands/"
    unpacked = tuple(command.replace(" ", "_").replace("-", "_") for command in UNPACKED_COMMANDS)
    files = {name[len(folder) : -len(".py")]: name for name in sources if name.startswith(folder)}
    return {
        name
        for command, name in files.items()
        if not any(command == word or command.startswith(word + "_") for word in unpacked)
    }


def _imported(tree: ast.AST, modules: "dict[str, str]") -> "set[str]":
    """Return the modules that a file may load, those within functions included, but not those for its types."""
    imported: "set[str]" = set()
    nodes = [tree]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            nodes += node.orelse
            continue
        nodes += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            imported.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module)
            imported.update(f"{node.module}.{alias.name}" for alias in node.names)
    return imported & set(modules)


def _data_of(sources: "dict[str, bytes]", loaded: "set[str]") -> "set[str]":
    """Return the files that are no modules, in the folders of packages that are loaded."""
    return {
        name for name in sources if not name.endswith(".py") and name.rpartition("/")[0].replace("/", ".") in loaded
    }
