"""The language of `if`: parse a condition and evaluate it with the build's values.

    evaluate('build.branch == "main"', {"build.branch": "main"})  ->  True

`lexer` splits the text, `parser` makes one function of it, `operators` has what the operators do.
Source: https://buildkite.com/docs/pipelines/configure/conditionals
"""

from __future__ import annotations

from typing import Any, Mapping

from bkagent.pipeline.conditional.parser import Known, parse
from bkagent.pipeline.errors import PipelineError


def evaluate(text: str, variables: Mapping[str, Any]) -> bool:
    """Return whether the condition holds. An empty condition holds; null is false.

    `variables` maps dotted names to a text, a number, a boolean, None or a list of texts, such as
    {"build.branch": "main", "build.pull_request.id": None, "pipeline.slug": "app"}; names of the language that
    are left out are null. Under "env" it may hold a mapping for env("X"), build.env("X") and $X. Names of
    `step` are known only where `variables` has one, as in notifications.
    Raises PipelineError with the condition, the column and what was expected.
    """
    if not text.strip():
        return True
    try:
        value = parse(text, _known(variables))(variables)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise PipelineError("a condition must be true or false; compare its value with something")
        return value
    except PipelineError as wrong:
        raise PipelineError(f"the condition `{text}` is invalid: {wrong}") from None


def check(text: str, variables: Mapping[str, Any] = {}) -> None:  # noqa: B006 - never changed
    """Raise PipelineError for an invalid condition or an unknown name, without evaluating it."""
    if not text.strip():
        return
    try:
        parse(text, _known(variables))
    except PipelineError as wrong:
        raise PipelineError(f"the condition `{text}` is invalid: {wrong}") from None


def _known(variables: Mapping[str, Any]) -> Known:
    return Known(frozenset(variables), steps=any(name.startswith("step.") for name in variables))
