"""Find values of secret variables in a pipeline before its upload."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Sequence, Set

from bkagent.pipeline import go_json
from bkagent.pipeline.errors import PipelineError
from bkagent.pipeline.interpolation import interpolate
from bkagent.redaction.variables import Found, SecretNames, values_of
from bkagent.wire import go_quoted


def leaked_names(document: Mapping[str, Any], environ: Mapping[str, str], patterns: Sequence[str]) -> List[str]:
    """Return the sorted names of secret variables whose values the document holds.

    `environ` is what was put into it. Counted are entries of `env` blocks under a secret's name, unless they only
    stand for another variable ("$OTHER"), and values that appear anywhere.
    """
    names: Set[str] = set()
    secret_names = SecretNames(patterns)
    for block in _env_blocks(document):
        names.update(secret_names.find(_own_values(block)).names)
    secrets = secret_names.find(environ)
    if secrets.names:
        text = go_json.dumps(document, escape_markup=False)
        names.update(
            name for name, value in zip(secrets.names, secrets.values) if value in text or go_quoted.body(value) in text
        )
    return sorted(names)


def short_names(document: Mapping[str, Any], environ: Mapping[str, str], patterns: Sequence[str]) -> List[str]:
    """Return the sorted names of secret variables whose values are too short to be looked for."""
    secret_names = SecretNames(patterns)
    names = set(secret_names.find(environ).short_names)
    for block in _env_blocks(document):
        names.update(secret_names.find(_own_values(block)).short_names)
    return sorted(names)


def unreadable_patterns(environ: Mapping[str, str], patterns: Sequence[str]) -> Sequence[str]:
    """Return the invalid patterns: with one of them nothing is found."""
    secrets: Found = values_of(environ, patterns)
    return secrets.bad_patterns


def _env_blocks(document: Mapping[str, Any]) -> Iterator[Dict[str, Any]]:
    """Yield the `env` of the pipeline and of its command steps, in groups too. Of other steps nothing reads one."""
    if isinstance(document.get("env"), dict) and ("command" in document or "group" not in document):
        yield document["env"]
    steps = document.get("steps")
    for step in steps if isinstance(steps, list) else []:
        if isinstance(step, dict) and ("command" in step or "group" in step):
            yield from _env_blocks(step)


def _own_values(block: Mapping[str, Any]) -> Dict[str, str]:
    return {name: value for name, value in block.items() if isinstance(value, str) and not _substitution(value)}


def _substitution(text: str) -> bool:
    """Return whether a value is only a reference to a variable."""
    try:
        return text.startswith("$") and interpolate(text, {}) == ""
    except PipelineError:
        return False
