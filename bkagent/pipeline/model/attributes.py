"""Read the attributes of a step that have several valid forms into one form."""

from __future__ import annotations

import re
from typing import Any, FrozenSet, Mapping, Optional, Tuple

from bkagent.pipeline import grammar
from bkagent.pipeline.errors import PipelineError
from bkagent.pipeline.model.fields import Fields, describe, plain_text, whole_number
from bkagent.pipeline.model.rules import (
    DEFAULT_RETRY_LIMIT,
    Adjustment,
    AutomaticRetry,
    Matrix,
    Retry,
    SoftFail,
    plain_signal,
)

LONGEST_KEY = 100
HIGHEST_RETRY_LIMIT = 10
_KEY = re.compile(r"[\w\-:${}.,]+", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def key(fields: Fields, text: str) -> str:
    """Check a step's key; "" means no key."""
    if not text:
        return ""
    if len(text) > LONGEST_KEY:
        raise PipelineError(f"{fields.what}: the key has {len(text)} characters; at most {LONGEST_KEY} are allowed")
    if not _KEY.fullmatch(text) or _UUID.fullmatch(text):
        raise fields.wrong("key", "letters, digits and _ - : $ { } . , and must not look like a UUID", text)
    return text


def command(fields: Fields) -> str:
    """Return the command, items of a list joined with newlines."""
    commands = fields.first("command", "commands", "script")
    if isinstance(commands, list) and not any(isinstance(line, (Mapping, list)) for line in commands):
        return "\n".join("" if line is None else plain_text(line) for line in commands)
    if isinstance(commands, (Mapping, list)):
        raise fields.wrong("command", "a string or a list of strings", commands)
    return "" if commands is None else plain_text(commands)


def agents(fields: Fields) -> Optional[Tuple[str, ...]]:
    """Return targeting rules in the form key=value, or None where none are given."""
    rules = fields.first("agents", "agent_query_rules")
    if rules is None:
        return None
    if isinstance(rules, Mapping):
        if any(isinstance(rule, (Mapping, list)) for rule in rules.values()):
            raise fields.wrong("agents", "a mapping of plain values", rules)
        return tuple(f"{name}={'' if rule is None else plain_text(rule)}" for name, rule in rules.items())
    if isinstance(rules, list) and all(isinstance(rule, str) for rule in rules):
        return tuple(rules)
    raise fields.wrong("agents", "a mapping or a list of key=value", rules)


def skip(fields: Fields) -> str:
    """Return the reason to skip the step, or ""."""
    reason = fields.document.get("skip")
    if isinstance(reason, bool):
        return "Skipped" if reason else ""
    if reason is None or reason in ("", "false"):
        return ""
    if not isinstance(reason, str):
        raise fields.wrong("skip", "true, false or the reason", reason)
    return "Skipped" if reason == "true" else reason


def plugins(fields: Fields) -> Tuple[Mapping[str, Any], ...]:
    """Return plugins as one-key mappings from source to configuration."""
    listed = fields.document.get("plugins")
    try:
        return tuple({source: setting} for source, setting in grammar.plugins([] if listed is None else listed))
    except grammar.WrongForm as wrong:
        raise fields.wrong("plugins", "a list of plugins", wrong.element) from None


def secrets(fields: Fields) -> Tuple[Mapping[str, str], ...]:
    """Return secrets as mappings of key and environment_variable."""
    listed = fields.document.get("secrets")
    pairs = grammar.secrets(listed if isinstance(listed, Mapping) else fields.items("secrets"))
    try:
        return tuple(_secret(fields, key, variable) for key, variable in pairs)
    except grammar.WrongForm as wrong:
        raise fields.wrong("secrets", _SECRETS, wrong.element) from None


_SECRETS = "a list of keys, or of mappings with key"


def _secret(fields: Fields, key: Any, variable: Any) -> Mapping[str, str]:
    if key is None:
        raise fields.wrong("secrets", _SECRETS, {"key": key})
    return {"key": str(key)} if variable is None else {"key": str(key), "environment_variable": str(variable)}


def soft_fail(fields: Fields) -> SoftFail:
    """Read `soft_fail`: a boolean, or a list of {exit_status: number or "*"}."""
    rules = fields.document.get("soft_fail")
    if not isinstance(rules, list):
        return SoftFail(any_status=fields.flag("soft_fail"))
    statuses, everything = set(), False
    for rule in rules:
        status = rule.get("exit_status") if isinstance(rule, Mapping) else None
        number = whole_number(status)
        if status == "*":
            everything = True
        elif number is not None:
            statuses.add(number)
        else:
            raise fields.wrong("soft_fail", 'true, false or a list of {exit_status: number or "*"}', rule)
    return SoftFail(everything, frozenset(statuses))


def retry(fields: Fields) -> Retry:
    """Read `retry`: automatic rules, and whether a person may run the job again."""
    outer = Fields(fields.mapping("retry"), fields.what)
    automatic = outer.document.get("automatic")
    rules: Tuple[AutomaticRetry, ...] = ()
    if isinstance(automatic, (Mapping, list)):
        rules = tuple(_rule(fields, rule) for rule in (automatic if isinstance(automatic, list) else [automatic]))
    elif outer.flag("automatic"):
        rules = (AutomaticRetry(),)
    manual = outer.document.get("manual")
    if not isinstance(manual, Mapping):
        return Retry(rules, manual_allowed=outer.flag("manual", True))
    inner = Fields(manual, f"{fields.what}: retry.manual")
    return Retry(rules, inner.flag("allowed", True), inner.flag("permit_on_passed", True), inner.text("reason"))


def _rule(fields: Fields, node: Any) -> AutomaticRetry:
    if not isinstance(node, Mapping):
        raise fields.wrong("retry.automatic", "true, false, a mapping or a list of mappings", node)
    rule = Fields(node, f"{fields.what}: retry.automatic")
    limit = rule.whole("limit", 0)
    if limit is not None and limit > HIGHEST_RETRY_LIMIT:
        raise rule.wrong("limit", f"from 0 to {HIGHEST_RETRY_LIMIT}", limit)
    signals = _words(rule, "signal")
    return AutomaticRetry(
        statuses=_statuses(rule),
        signals=signals and frozenset("none" if word == "none" else plain_signal(word) for word in signals),
        reasons=_words(rule, "signal_reason"),
        limit=DEFAULT_RETRY_LIMIT if limit is None else limit,
    )


def _statuses(rule: Fields) -> Optional[FrozenSet[int]]:
    node = rule.document.get("exit_status")
    statuses = set()
    for status in node if isinstance(node, list) else ["*"] if node is None else [node]:
        number = whole_number(status)
        if status == "*":
            return None
        if number is None:
            raise rule.wrong("exit_status", 'a number, a list of numbers or "*"', node)
        statuses.add(number)
    return frozenset(statuses)


def _words(rule: Fields, name: str) -> Optional[FrozenSet[str]]:
    words = rule.texts(name)
    return frozenset(words) if words and "*" not in words else None


def matrix(fields: Fields) -> Optional[Matrix]:
    """Read `matrix`: a list, or {setup, adjustments}. Every element becomes a text."""
    node = fields.document.get("matrix")
    if node is None:
        return None
    if isinstance(node, list):
        return Matrix({"": _elements(fields, "matrix", node)})
    if not isinstance(node, Mapping):
        raise fields.wrong("matrix", "a list, or a mapping with setup", node)
    setup = node.get("setup")
    if isinstance(setup, list):
        setup = {"": setup}
    if not isinstance(setup, Mapping):
        raise fields.wrong("matrix.setup", "a list, or a mapping of lists", setup)
    dimensions = {name: _elements(fields, _part("matrix.setup", name), items) for name, items in setup.items()}
    inner = Fields(node, fields.what)
    return Matrix(
        dimensions, tuple(_adjustment(fields, adjustment, dimensions) for adjustment in inner.items("adjustments"))
    )


def _part(whole: str, name: str) -> str:
    return f"{whole}.{name}" if name else whole


def _elements(fields: Fields, name: str, items: Any) -> Tuple[str, ...]:
    items = items if isinstance(items, list) else [items]
    for element in items:
        if element is None or isinstance(element, (Mapping, list)):
            raise PipelineError(
                f"{fields.what}: {name} must hold strings, numbers or booleans, not {describe(element)}"
            )
    return tuple(plain_text(element) for element in items)


def _adjustment(fields: Fields, node: Any, dimensions: Mapping[str, Tuple[str, ...]]) -> Adjustment:
    if not isinstance(node, Mapping):
        raise fields.wrong("matrix.adjustments", "a list of mappings with with", node)
    combined = node.get("with")
    if isinstance(combined, list) and len(combined) == 1:
        combined = combined[0]
    if not isinstance(combined, Mapping):
        combined = {"": combined}
    if not combined or not set(combined) <= set(dimensions):
        raise PipelineError(f"{fields.what}: matrix.adjustments: with must name the dimensions of setup and no others")
    texts = {name: _combined(fields, name, element) for name, element in combined.items()}
    inner = Fields(node, f"{fields.what}: matrix.adjustments")
    return Adjustment(texts, skip(inner), soft_fail(inner) if "soft_fail" in inner else None, node)


def _combined(fields: Fields, name: str, element: Any) -> str:
    if element is None or isinstance(element, (Mapping, list)):
        expected = "a string, a whole number, true or false"
        raise fields.wrong(f"{_part('with', name)} of matrix.adjustments", expected, element)
    return plain_text(element)
