"""Parses the scripts of windows/ by tree-sitter's grammar of PowerShell, where it is installed: pwsh seldom is."""

import glob
import importlib.util
import os
from typing import Any, Iterator

PACKAGES = ("tree_sitter", "tree_sitter_powershell")


def parses(folder: str) -> bool:
    """Return whether each script in a folder parses; prints what does not. True, with a note, without the grammar."""
    if not all(importlib.util.find_spec(package) for package in PACKAGES):
        print("PowerShell scripts are not parsed: python3 -m pip install tree-sitter tree-sitter-powershell")
        return True
    import tree_sitter
    import tree_sitter_powershell

    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))
    paths = sorted(glob.glob(os.path.join(folder, "*.ps1")))
    errors_count = 0
    for path in paths:
        with open(path, "rb") as file:
            text = file.read()
        for node in _errors(parser.parse(text).root_node):
            errors_count += 1
            print(f"{path}:{node.start_point[0] + 1}: {text[node.start_byte : node.end_byte][:60]!r} does not parse")
    print(f"parsed {len(paths)} PowerShell scripts, {errors_count} errors")
    return bool(paths) and not errors_count


def _errors(node: Any) -> Iterator[Any]:
    if node.type == "ERROR" or node.is_missing:
        yield node
    for child in node.children:
        yield from _errors(child)
