"""Determine the kind of a step and read its known fields."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Tuple

from bkagent.pipeline import grammar
from bkagent.pipeline.document import attributes, matrix
from bkagent.pipeline.document.model import TypedStep
from bkagent.pipeline.document.scalars import WrongType, kind, text, text_map, texts
from bkagent.pipeline.errors import PipelineError

DEEPEST_GROUP = 20
Warnings = List[str]


def read_steps(node: Any, warnings: Warnings, depth: int = 0) -> List[TypedStep]:
    """Read a list of steps, adding a sentence to `warnings` for each one of unknown type.

    Raises PipelineError for anything that cannot be a step.
    """
    if node is None:
        return []
    if not isinstance(node, list):
        raise WrongType(f"steps must be a list, not {kind(node)}")
    if depth > DEEPEST_GROUP:
        raise PipelineError(f"groups are nested more than {DEEPEST_GROUP} levels deep")
    steps = []
    for number, element in enumerate(node, start=1):
        step, wrong = _step(element, depth, f"step {number} of {len(node)}")
        steps.append(step)
        if wrong:
            warnings.append(f"while unmarshaling step {number} of {len(node)}: {wrong}")
    return steps


def _step(node: Any, depth: int, position: str) -> Tuple[TypedStep, str]:
    if isinstance(node, str):
        if node in grammar.WORDS:
            return TypedStep(grammar.TYPES[node], {}, scalar=node), ""
        known = " ".join(grammar.WORDS)
        return TypedStep("unknown", {}, scalar=node), f'unknown step type "{node}", want one of [{known}]'
    if not isinstance(node, dict):
        raise WrongType(f"{position} must be a mapping or a word such as wait, not {kind(node)}")
    step_kind, wrong = _kind_of(node, position)
    if step_kind not in _READERS:
        return TypedStep(step_kind or "unknown", dict(node)), wrong
    try:
        return _READERS[step_kind](node, depth), ""
    except WrongType as unfit:
        return TypedStep("unknown", dict(node)), f"fell back using unknown type of step: {unfit}"


def _kind_of(fields: Dict[str, Any], position: str) -> Tuple[str, str]:
    if "type" in fields:
        stated = fields["type"]
        if not isinstance(stated, str):
            raise WrongType(f"{position}: type must be a string, not {kind(stated)}")
        return (grammar.TYPES[stated], "") if stated in grammar.TYPES else ("", f'unknown step type "{stated}"')
    inferred = grammar.kind_by_key(fields)
    return inferred, "" if inferred else f"cannot infer step type: need one of [{' '.join(grammar.TELLING_KEYS)}]"


def _take(rest: Dict[str, Any], *names: str) -> Any:
    """Take the first of these keys that is there out of `rest`; the others stay."""
    for name in names:
        if name in rest:
            return rest.pop(name)
    return None


def read_command(fields: Dict[str, Any], depth: int = 0) -> TypedStep:
    """Read a command step. Raises WrongType naming the attribute that has another form than the reference decodes."""
    rest = dict(fields)
    typed: Dict[str, Any] = {
        "label": text(_take(rest, *grammar.LABEL_NAMES), "label"),
        "key": text(_take(rest, *grammar.KEY_NAMES), "key"),
        "command": _commands(rest),
        "env": text_map(rest.pop("env", None), "env"),
        "plugins": attributes.plugins(rest.pop("plugins", None)),
    }
    for name, read in _WHERE_GIVEN.items():
        if name in rest:
            given = rest.pop(name)
            typed[name] = None if given is None and name != "secrets" else read(given)
    return TypedStep("command", rest, typed)


_WHERE_GIVEN: Dict[str, Callable[[Any], Any]] = {
    "matrix": matrix.read,
    "cache": attributes.cache,
    "secrets": attributes.secrets,
    "checkout": attributes.checkout,
    "signature": attributes.signature,
}


def _commands(rest: Dict[str, Any]) -> str:
    """Return the command; `commands` wins where both are there, but then `command` must be one text."""
    commands: Optional[str] = None
    for name in ("command", "commands"):
        if name in rest:
            given = rest.pop(name)
            if isinstance(given, dict) or (isinstance(given, list) and "commands" in rest):
                raise WrongType(f"{name} must be a string or a list of strings, not {kind(given)}")
            commands = "\n".join(texts(given, name))
    return commands or ""


def _group(fields: Dict[str, Any], depth: int) -> TypedStep:
    rest = dict(fields)
    label = _take(rest, "group", *grammar.LABEL_NAMES)
    inner: Warnings = []
    typed = {
        "group": None if label is None else text(label, "group"),
        "key": text(_take(rest, *grammar.KEY_NAMES), "key"),
        "steps": read_steps(rest.pop("steps", None), inner, depth + 1),
    }
    # The reference passes a group on as it is written when one of its steps is not understood, and only where
    # the group has no other fields; with those it says nothing. Pipelines that pass there must pass here.
    if inner and not rest:
        raise WrongType("; ".join(inner))
    return TypedStep("group", rest, typed)


_READERS: Dict[str, Callable[[Dict[str, Any], int], TypedStep]] = {"command": read_command, "group": _group}
