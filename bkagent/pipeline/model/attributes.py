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
    value = fields.first("command", "commands", "script")
    if isinstance(value, list) and not any(isinstance(item, (Mapping, list)) for item in value):
        return "\n".join("" if item is None else plain_text(item) for item in value)
    if isinstance(value, (Mapping, list)):
        raise fields.wrong("command", "a string or a list of strings", value)
    return "" if value is None else plain_text(value)


def agents(fields: Fields) -> Optional[Tuple[str, ...]]:
    """Return targeting rules in the form key=value, or None where none are given."""
    value = fields.first("agents", "agent_query_rules")
    if value is None:
        return None
    if isinstance(value, Mapping):
        if any(isinstance(item, (Mapping, list)) for item in value.values()):
            raise fields.wrong("agents", "a mapping of plain values", value)
        return tuple(f"{name}={'' if item is None else plain_text(item)}" for name, item in value.items())
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise fields.wrong("agents", "a mapping or a list of key=value", value)


def skip(fields: Fields) -> str:
    """Return the reason to skip the step, or ""."""
    value = fields.document.get("skip")
    if isinstance(value, bool):
        return "Skipped" if value else ""
    if value is None or value in ("", "false"):
        return ""
    if not isinstance(value, str):
        raise fields.wrong("skip", "true, false or the reason", value)
    return "Skipped" if value == "true" else value


def plugins(fields: Fields) -> Tuple[Mapping[str, Any], ...]:
    """Return plugins as one-key mappings from source to configuration."""
    value = fields.document.get("plugins")
    try:
        return tuple({source: setting} for source, setting in grammar.plugins([] if value is None else value))
    except grammar.WrongForm as wrong:
        raise fields.wrong("plugins", "a list of plugins", wrong.element) from None


def secrets(fields: Fields) -> Tuple[Mapping[str, str], ...]:
    """Return secrets as mappings of key and environment_variable."""
    value = fields.document.get("secrets")
    pairs = grammar.secrets(value if isinstance(value, Mapping) else fields.items("secrets"))
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
    value = fields.document.get("soft_fail")
    if not isinstance(value, list):
        return SoftFail(any_status=fields.flag("soft_fail"))
    statuses, everything = set(), False
    for item in value:
        status = item.get("exit_status") if isinstance(item, Mapping) else None
        number = whole_number(status)
        if status == "*":
            everything = True
        elif number is not None:
            statuses.add(number)
        else:
            raise fields.wrong("soft_fail", 'true, false or a list of {exit_status: number or "*"}', item)
    return SoftFail(everything, frozenset(statuses))


def retry(fields: Fields) -> Retry:
    """Read `retry`: automatic rules, and whether a person may run the job again."""
    outer = Fields(fields.mapping("retry"), fields.what)
    value = outer.document.get("automatic")
    rules: Tuple[AutomaticRetry, ...] = ()
    if isinstance(value, (Mapping, list)):
        rules = tuple(_rule(fields, item) for item in (value if isinstance(value, list) else [value]))
    elif outer.flag("automatic"):
        rules = (AutomaticRetry(),)
    manual = outer.document.get("manual")
    if not isinstance(manual, Mapping):
        return Retry(rules, manual_allowed=outer.flag("manual", True))
    inner = Fields(manual, f"{fields.what}: retry.manual")
    return Retry(rules, inner.flag("allowed", True), inner.flag("permit_on_passed", True), inner.text("reason"))


def _rule(fields: Fields, item: Any) -> AutomaticRetry:
    if not isinstance(item, Mapping):
        raise fields.wrong("retry.automatic", "true, false, a mapping or a list of mappings", item)
    rule = Fields(item, f"{fields.what}: retry.automatic")
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
    value = rule.document.get("exit_status")
    statuses = set()
    for item in value if isinstance(value, list) else ["*"] if value is None else [value]:
        number = whole_number(item)
        if item == "*":
            return None
        if number is None:
            raise rule.wrong("exit_status", 'a number, a list of numbers or "*"', value)
        statuses.add(number)
    return frozenset(statuses)


def _words(rule: Fields, name: str) -> Optional[FrozenSet[str]]:
    words = rule.texts(name)
    return frozenset(words) if words and "*" not in words else None


def matrix(fields: Fields) -> Optional[Matrix]:
    """Read `matrix`: a list, or {setup, adjustments}. Every element becomes a text."""
    value = fields.document.get("matrix")
    if value is None:
        return None
    if isinstance(value, list):
        return Matrix({"": _elements(fields, "matrix", value)})
    if not isinstance(value, Mapping):
        raise fields.wrong("matrix", "a list, or a mapping with setup", value)
    setup = value.get("setup")
    if isinstance(setup, list):
        setup = {"": setup}
    if not isinstance(setup, Mapping):
        raise fields.wrong("matrix.setup", "a list, or a mapping of lists", setup)
    dimensions = {name: _elements(fields, _part("matrix.setup", name), items) for name, items in setup.items()}
    inner = Fields(value, fields.what)
    return Matrix(dimensions, tuple(_adjustment(fields, item, dimensions) for item in inner.items("adjustments")))


def _part(whole: str, name: str) -> str:
    return f"{whole}.{name}" if name else whole


def _elements(fields: Fields, name: str, items: Any) -> Tuple[str, ...]:
    items = items if isinstance(items, list) else [items]
    for item in items:
        if item is None or isinstance(item, (Mapping, list)):
            raise PipelineError(f"{fields.what}: {name} must hold strings, numbers or booleans, not {describe(item)}")
    return tuple(plain_text(item) for item in items)


def _adjustment(fields: Fields, item: Any, dimensions: Mapping[str, Tuple[str, ...]]) -> Adjustment:
    if not isinstance(item, Mapping):
        raise fields.wrong("matrix.adjustments", "a list of mappings with with", item)
    combined = item.get("with")
    if isinstance(combined, list) and len(combined) == 1:
        combined = combined[0]
    if not isinstance(combined, Mapping):
        combined = {"": combined}
    if not combined or not set(combined) <= set(dimensions):
        raise PipelineError(f"{fields.what}: matrix.adjustments: with must name the dimensions of setup and no others")
    texts = {name: _combined(fields, name, value) for name, value in combined.items()}
    inner = Fields(item, f"{fields.what}: matrix.adjustments")
    return Adjustment(texts, skip(inner), soft_fail(inner) if "soft_fail" in inner else None, item)


def _combined(fields: Fields, name: str, value: Any) -> str:
    if value is None or isinstance(value, (Mapping, list)):
        expected = "a string, a whole number, true or false"
        raise fields.wrong(f"{_part('with', name)} of matrix.adjustments", expected, value)
    return plain_text(value)
