"""Attributes of pipelines and command steps that have several valid forms: plugins, secrets, cache, checkout."""

from __future__ import annotations

from typing import Any, Dict, List

from bkagent.pipeline import grammar
from bkagent.pipeline.document.model import StepPlugin
from bkagent.pipeline.document.scalars import WrongType, kind, mapping, text, texts


def plugins(node: Any) -> List[StepPlugin]:
    """Read a list of sources and of mappings from source to configuration, or one such mapping."""
    if node is None:
        return []
    if not isinstance(node, (list, dict)):
        raise WrongType(f"plugins must be a list or a mapping, not {kind(node)}")
    try:
        return [StepPlugin(source, configuration) for source, configuration in grammar.plugins(node)]
    except grammar.WrongForm as wrong:
        raise WrongType(f"a plugin must be a string or a mapping, not {kind(wrong.element)}") from None


def secrets(node: Any) -> List[Dict[str, str]]:
    """Read a list of keys and of {key, environment_variable}, or a mapping from variable to key."""
    if isinstance(node, dict):
        if not all(node) or "" in node.values():
            raise WrongType("a secret needs a key and a variable, both non-empty strings")
        return [_secret(_required_text(key, f"secrets.{name}"), name) for key, name in grammar.secrets(node)]
    if not isinstance(node, list):
        raise WrongType(f"secrets must be a list or a mapping, not {kind(node)}")
    try:
        return [_listed_secret(key, variable) for key, variable in grammar.secrets(node)]
    except grammar.WrongForm as wrong:
        raise WrongType(f"a secret must be a string or a mapping, not {kind(wrong.element)}") from None


def _listed_secret(key: Any, variable: Any) -> Dict[str, str]:
    if not isinstance(key, str):
        raise WrongType("a secret needs a key, a non-empty text")
    return _secret(key, "" if variable is None else _required_text(variable, "environment_variable"))


def _required_text(node: Any, what: str) -> str:
    if not isinstance(node, str):
        raise WrongType(f"{what} must be a string, not {kind(node)}")
    return node


def _secret(key: str, variable: str) -> Dict[str, str]:
    return {"environment_variable": variable, "key": key} if variable else {"key": key}


def cache(node: Any) -> Any:
    """Read a path, a list of paths, a mapping, or false for none. Returns False or a mapping."""
    if isinstance(node, bool):
        return {} if node else False
    if isinstance(node, (str, list)):
        paths = texts(node, "cache")
        return {"paths": paths} if paths else {}
    if not isinstance(node, dict):
        raise WrongType(f"cache must be a path, a list of paths, a mapping or false, not {kind(node)}")
    whole = dict(node)
    whole["paths"] = texts(node.get("paths"), "cache.paths") if not isinstance(node.get("paths"), dict) else None
    if whole["paths"] is None:
        raise WrongType("cache.paths must be a list, not a mapping")
    for name in ("name", "size"):
        whole[name] = text(node.get(name), f"cache.{name}")
    if _flag(whole.pop("disabled", None), "cache.disabled"):
        return False
    return {key: field for key, field in sorted(whole.items()) if field or key not in ("paths", "name", "size")}


def checkout(node: Any) -> Dict[str, Any]:
    """Read the mapping of checkout settings; each is checked, unknown ones are kept."""
    if isinstance(node, bool):
        word = "true" if node else "false"
        skip_value = "false" if node else "true"
        raise WrongType(f"checkout: {word} is not valid; leave it out, or write checkout: {{skip: {skip_value}}}")
    whole: Dict[str, Any] = {}
    for name, field in mapping(node, "checkout").items():
        read = _CHECKOUT.get(name)
        if read is None:
            whole[name] = field
        elif field is not None:
            whole[name] = read(field, f"checkout.{name}")
    return sorted_checkout(whole)


def sorted_checkout(fields: Dict[str, Any]) -> Dict[str, Any]:
    """Return checkout settings with their names in order, those of its known mappings too."""
    return {
        name: dict(sorted(field.items())) if name in ("flags", "sparse") and isinstance(field, dict) else field
        for name, field in sorted(fields.items())
    }


def _flag(node: Any, what: str) -> bool:
    if node is not None and not isinstance(node, bool):
        raise WrongType(f"{what} must be true or false, not {kind(node)}")
    return bool(node)


def _whole(node: Any, what: str) -> int:
    if isinstance(node, bool) or not isinstance(node, int):
        raise WrongType(f"{what} must be a whole number, not {kind(node)}")
    return node


def _flags(node: Any, what: str) -> Dict[str, Any]:
    flags = {}
    for name, words in mapping(node, what).items():
        if name in ("clone", "fetch", "checkout", "clean"):
            if words is None:
                continue
            words = _required_text(words, f"{what}.{name}")
        flags[name] = words
    return flags


def _sparse(node: Any, what: str) -> Dict[str, Any]:
    sparse = dict(mapping(node, what))
    sparse["paths"] = texts(sparse.get("paths"), f"{what}.paths")
    return {name: field for name, field in sparse.items() if name != "paths" or field}


_CHECKOUT = {
    "skip": _flag, "submodules": _flag, "lfs": _flag, "depth": _whole, "flags": _flags, "sparse": _sparse,
    "ssh_secret": text, "commit_verification": text,
}  # fmt: skip


def signature(node: Any) -> Dict[str, Any]:
    """Read a signature made elsewhere."""
    given = mapping(node, "signature")
    fields = given.get("signed_fields")
    return {
        "algorithm": text(given.get("algorithm"), "signature.algorithm"),
        "signed_fields": None if fields is None else texts(fields, "signature.signed_fields"),
        "value": text(given.get("value"), "signature.value"),
    }
