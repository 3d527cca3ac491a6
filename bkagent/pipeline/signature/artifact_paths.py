"""The artifact paths of a step, which signatures of version 4.12 and later of the reference cover.

Known of them is what its release notes say: that they are signed, and that older agents may reject such signatures. The
name of the field is that of the attribute, as with the other attributes that are signed. In which form they stand in
the text that is signed is not published; a list of texts is written here, and each form that means the same is
verified. Source: https://github.com/buildkite/agent/releases/tag/v4.12.0
"""

from __future__ import annotations

from typing import Any, List, Tuple

from bkagent.pipeline.document.model import TypedStep
from bkagent.pipeline.document.scalars import texts

FIELD = "artifact_paths"
# Names of the attribute; the control plane takes the first of them.
_NAMES = (FIELD, "artifacts")
_SEPARATOR = ";"


def signed_forms(step: TypedStep) -> Tuple[Any, ...]:
    """Return every value by which a signature may cover a step's paths; the first is the one that is signed here.

    It is None where the step has none. Raises WrongType for what cannot be paths.
    """
    written = attribute(step)
    paths = texts(written, FIELD)
    if not patterns(step):
        return (None,)
    forms = (paths, written, _SEPARATOR.join(paths), patterns(step))
    return tuple(form for at, form in enumerate(forms) if form not in forms[:at])


def attribute(step: TypedStep) -> Any:
    """Return the paths as they are written in a step, None where it has none."""
    return next((step.rest[name] for name in _NAMES if name in step.rest), None)


def patterns(step: TypedStep) -> List[str]:
    """Return the single patterns of a step's paths."""
    return split(_SEPARATOR.join(texts(attribute(step), FIELD)))


def split(text: str) -> List[str]:
    """Return the single patterns of BUILDKITE_ARTIFACT_PATHS."""
    return [pattern.strip() for pattern in text.split(_SEPARATOR) if pattern.strip()]
