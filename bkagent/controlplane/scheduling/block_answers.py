"""The answers given to a block or input step, checked against its fields."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Sequence

from bkagent.controlplane.errors import Rejected
from bkagent.pipeline.conditional.regex import ConditionPattern
from bkagent.pipeline.errors import PipelineError
from bkagent.pipeline.model.steps import Field


def check(fields: Sequence[Field], answers: Mapping[str, Any]) -> Dict[str, str]:
    """Return the answers as texts, defaults filled in; several choices are joined by newlines.

    Raises Rejected naming the field for an answer that is missing, or not one of the options.
    """
    texts = {key: _text(key, value) for key, value in answers.items() if value is not None}
    for field in fields:
        text = texts.get(field.key, "")
        if not text:
            text = "\n".join(field.default)
        if not text:
            if field.required:
                raise Rejected(f'the field "{field.title or field.key}" must be answered')
            texts.pop(field.key, None)
            continue
        if field.options:
            legal = [value for _, value in field.options]
            chosen = text.split("\n") if field.multiple else [text]
            wrong = [value for value in chosen if value not in legal]
            if wrong:
                name, options = field.title or field.key, ", ".join(legal)
                raise Rejected(f'"{wrong[0]}" is not an option of "{name}"; it must be one of {options}')
        texts[field.key] = text
    return texts


def check_formats(fields: Sequence[Field], answers: Mapping[str, Any]) -> None:
    """Raise Rejected for an answer that does not have the format of its field, from its first letter to its last.

    A format is from a pipeline: it may take two seconds, so call this outside a change of the ledger. One that is
    invalid, or takes longer, refuses nothing: then the build could not go on.
    """
    for field in fields:
        answer = answers.get(field.key)
        text = _text(field.key, answer) if answer is not None else ""
        if not field.format or not text:
            continue
        try:
            is_met = ConditionPattern(rf"/\A(?:{field.format})\z/", 0).found_in(text)
        except PipelineError:
            continue
        if not is_met:
            name = field.title or field.key
            raise Rejected(f'the answer to "{name}" does not have the format {field.format}')


def _text(key: str, answer: Any) -> str:
    if isinstance(answer, (list, tuple)):
        return "\n".join(str(choice) for choice in answer)
    if isinstance(answer, Mapping):
        raise Rejected(f'the answer to "{key}" must be a string or a list of strings')
    return str(answer)
