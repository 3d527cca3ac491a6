"""What can be wrong with a key and with a signature."""

from __future__ import annotations

from bkagent.errors import AgentError


class InvalidKey(AgentError):
    """A text that is no key or no key set, or a key that cannot be used as asked. No part of a key is in the text."""


class InvalidSignature(AgentError):
    """A signature that does not belong to what was signed, or that has no legal form."""
