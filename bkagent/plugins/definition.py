"""A plugin's own statement of what it needs: programs on the PATH, and a schema of its configuration."""

from __future__ import annotations

import os
from typing import Any, List, Optional

from bkagent.errors import AgentError, JobFailed
from bkagent.plugins.checkout import CheckedOut
from bkagent.plugins.configuration import compact_json
from bkagent.plugins.parse import Number
from bkagent.plugins.schema import Schema
from bkagent.shell.session import Session
from bkagent.system.confined_path import resolve_below
from bkagent.yaml.load import load

_FILES = ("plugin.json", "plugin.yaml", "plugin.yml")
_LONGEST_BYTES = 1 << 20


def validate(session: Session, plugin_checkout: CheckedOut) -> None:
    """Hold a plugin's configuration against its definition. Raises JobFailed listing what is wrong."""
    plugin, log = plugin_checkout.plugin, session.log
    folder = os.path.dirname(plugin_checkout.hooks)
    log.debug(f"Parsing plugin definition for {plugin.name} from {folder}")
    path = _definition_file(plugin_checkout.root, folder)
    if path is None:
        log.warning(f"Failed to find plugin definition for plugin {plugin.name}")
        return
    problems = _problems(session, path, plugin.configuration)
    if not problems:
        log.comment(f'Valid plugin configuration for "{plugin.name}"')
        return
    log.header(f'Plugin validation failed for "{plugin.name}"')
    log.comment(f"Plugin configuration JSON is {compact_json(plugin.configuration)}")
    raise JobFailed(", ".join(problems), 1)


def _definition_file(root: str, folder: str) -> Optional[str]:
    for name in _FILES:
        path = resolve_below(root, os.path.relpath(os.path.join(folder, name), root))
        if path is not None and os.path.isfile(path):
            return path
    return None


def _problems(session: Session, path: str, configuration: object) -> List[str]:
    try:
        with open(path, "rb") as file:
            document = load(file.read(_LONGEST_BYTES), os.path.basename(path))
    except (OSError, AgentError) as error:
        return [f"the plugin's definition cannot be read: {error}"]
    if not isinstance(document, dict):
        return ["the plugin's definition is not an object"]
    needed = document.get("requirements")
    problems = [
        f'"{name}" command not found in PATH'
        for name in (needed if isinstance(needed, list) else [])
        if session.which(str(name)) is None
    ]
    return problems + Schema(document.get("configuration", True)).problems(_plain(configuration))


def _plain(value: Any) -> Any:
    """Return the value with numbers as numbers."""
    if isinstance(value, Number):
        try:
            return int(value)
        except ValueError:
            return float(value)
    if isinstance(value, dict):
        return {key: _plain(element) for key, element in value.items()}
    if isinstance(value, list):
        return [_plain(element) for element in value]
    return value
