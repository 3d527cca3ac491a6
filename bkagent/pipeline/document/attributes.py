"""Attributes of pipelines and command steps that have several valid forms: plugins, secrets, cache, checkout."""

from __future__ import annotations

from typing import Any, Dict, List

from bkagent.pipeline import grammar
from bkagent.pipeline.document.model import StepPlugin
from bkagent.pipeline.document.scalars import WrongType, kind, mapping, text, texts


def plugins(value: Any) -> List[StepPlugin]:
    """Read a list of sources and of mappings from source to configuration, or one such mapping."""
    if value is None:
        return []
    if not isinstance(value, (list, dict)):
        raise WrongType(f"plugins must be a list or a mapping, not {kind(value)}")
    try:
        return [StepPlugin(source, configuration) for source, configuration in grammar.plugins(value)]
    except grammar.WrongForm as wrong:
        raise WrongType(f"a plugin must be a string or a mapping, not {kind(wrong.element)}") from None


def secrets(value: Any) -> List[Dict[str, str]]:
    """Read a list of keys and of {key, environment_variable}, or a mapping from variable to key."""
    if isinstance(value, dict):
        if not all(value) or "" in value.values():
            raise WrongType("a secret needs a key and a variable, both non-empty strings")
        return [_secret(_required_text(key, f"secrets.{name}"), name) for key, name in grammar.secrets(value)]
    if not isinstance(value, list):
        raise WrongType(f"secrets must be a list or a mapping, not {kind(value)}")
    try:
        return [_listed_secret(key, variable) for key, variable in grammar.secrets(value)]
    except grammar.WrongForm as wrong:
        raise WrongType(f"a secret must be a string or a mapping, not {kind(wrong.element)}") from None


def _listed_secret(key: Any, variable: Any) -> Dict[str, str]:
    if not isinstance(key, str):
        raise WrongType("a secret needs a key, a non-empty text")
    return _secret(key, "" if variable is None else _required_text(variable, "environment_variable"))


def _required_text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise WrongType(f"{what} must be a string, not {kind(value)}")
    return value


def _secret(key: str, variable: str) -> Dict[str, str]:
    return {"environment_variable": variable, "key": key} if variable else {"key": key}


def cache(value: Any) -> Any:
    """Read a path, a list of paths, a mapping, or false for none. Returns False or a mapping."""
    if isinstance(value, bool):
        return {} if value else False
    if isinstance(value, (str, list)):
        paths = texts(value, "cache")
        return {"paths": paths} if paths else {}
    if not isinstance(value, dict):
        raise WrongType(f"cache must be a path, a list of paths, a mapping or false, not {kind(value)}")
    whole = dict(value)
    whole["paths"] = texts(value.get("paths"), "cache.paths") if not isinstance(value.get("paths"), dict) else None
    if whole["paths"] is None:
        raise WrongType("cache.paths must be a list, not a mapping")
    for name in ("name", "size"):
        whole[name] = text(value.get(name), f"cache.{name}")
    if _flag(whole.pop("disabled", None), "cache.disabled"):
        return False
    return {key: item for key, item in sorted(whole.items()) if item or key not in ("paths", "name", "size")}


def checkout(value: Any) -> Dict[str, Any]:
    """Read the mapping of checkout settings; each is checked, unknown ones are kept."""
    if isinstance(value, bool):
        word = "true" if value else "false"
        skip_value = "false" if value else "true"
        raise WrongType(f"checkout: {word} is not valid; leave it out, or write checkout: {{skip: {skip_value}}}")
    whole: Dict[str, Any] = {}
    for name, item in mapping(value, "checkout").items():
        read = _CHECKOUT.get(name)
        if read is None:
            whole[name] = item
        elif item is not None:
            whole[name] = read(item, f"checkout.{name}")
    return sorted_checkout(whole)


def sorted_checkout(fields: Dict[str, Any]) -> Dict[str, Any]:
    """Return checkout settings with their names in order, those of its known mappings too."""
    return {
        name: dict(sorted(item.items())) if name in ("flags", "sparse") and isinstance(item, dict) else item
        for name, item in sorted(fields.items())
    }


def _flag(value: Any, what: str) -> bool:
    if value is not None and not isinstance(value, bool):
        raise WrongType(f"{what} must be true or false, not {kind(value)}")
    return bool(value)


def _whole(value: Any, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise WrongType(f"{what} must be a whole number, not {kind(value)}")
    return value


def _flags(value: Any, what: str) -> Dict[str, Any]:
    flags = {}
    for name, item in mapping(value, what).items():
        if name in ("clone", "fetch", "checkout", "clean"):
            if item is None:
                continue
            item = _required_text(item, f"{what}.{name}")
        flags[name] = item
    return flags


def _sparse(value: Any, what: str) -> Dict[str, Any]:
    sparse = dict(mapping(value, what))
    sparse["paths"] = texts(sparse.get("paths"), f"{what}.paths")
    return {name: item for name, item in sparse.items() if name != "paths" or item}


_CHECKOUT = {
    "skip": _flag, "submodules": _flag, "lfs": _flag, "depth": _whole, "flags": _flags, "sparse": _sparse,
    "ssh_secret": text, "commit_verification": text,
}  # fmt: skip


def signature(value: Any) -> Dict[str, Any]:
    """Read a signature made elsewhere."""
    given = mapping(value, "signature")
    fields = given.get("signed_fields")
    return {
        "algorithm": text(given.get("algorithm"), "signature.algorithm"),
        "signed_fields": None if fields is None else texts(fields, "signature.signed_fields"),
        "value": text(given.get("value"), "signature.value"),
    }
