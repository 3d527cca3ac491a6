"""A pipeline between parsing and writing: each step with its known fields."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple


class TypedStep:
    """One step. `typed` holds what its kind knows, in one form; `rest` what it passes on as it is.

    kind    command, wait, input, trigger, group or unknown; of the last four but group only `rest` is used
    scalar  what a step such as `wait` is that is only a word, else None
    """

    __slots__ = ("kind", "typed", "rest", "scalar")

    def __init__(
        self, kind: str, rest: Dict[str, Any], typed: Optional[Dict[str, Any]] = None, scalar: Optional[str] = None
    ) -> None:
        self.kind = kind
        self.typed = typed or {}
        self.rest = rest
        self.scalar = scalar


class TypedPipeline:
    """A whole document. `env` and `checkout` are None where they are not given."""

    __slots__ = ("steps", "env", "secrets", "checkout", "rest")

    def __init__(self) -> None:
        self.steps: List[TypedStep] = []
        self.env: Optional[Dict[str, str]] = None
        self.secrets: List[Dict[str, str]] = []
        self.checkout: Optional[Dict[str, Any]] = None
        self.rest: Dict[str, Any] = {}


class StepPlugin:
    """One plugin: its source as it was written, and its configuration."""

    __slots__ = ("source", "configuration")

    def __init__(self, source: str, configuration: Any) -> None:
        self.source = source
        self.configuration = configuration


class Normalised:
    """A document in its wire form, and warnings about it.

    typed  what the document was written from
    """

    __slots__ = ("document", "warnings", "typed")

    def __init__(self, document: Dict[str, Any], warnings: Tuple[str, ...], typed: TypedPipeline) -> None:
        self.document = document
        self.warnings = warnings
        self.typed = typed
