"""Sign pipelines with the key that a command was given."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Optional

from bkagent.cli.signing import key_file
from bkagent.config.compat import COMPAT, Compat
from bkagent.config.options import pipeline as options
from bkagent.errors import AgentError
from bkagent.pipeline.signature.sign import add_pipeline_secrets, sign

if TYPE_CHECKING:
    from bkagent.cli.command import Call
    from bkagent.jose.signing_key import SigningKey
    from bkagent.pipeline.document.model import TypedPipeline


class Signer:
    """Signs with one key, as the options of a command have it."""

    def __init__(self, key: SigningKey, call: Call) -> None:
        self._key, self._call = key, call
        self._compat = Compat(call.settings[COMPAT])

    def sign(self, pipeline: TypedPipeline, repository: str) -> None:
        """Put a signature into each command step, for jobs of that repository. Raises AgentError."""
        try:
            if self._compat.signs_pipeline_secrets:
                add_pipeline_secrets(pipeline, in_groups=True)
            sign(pipeline, self._key, repository, self._show, self._compat)
        except AgentError as problem:
            raise AgentError(f"couldn't sign pipeline: {problem}") from None

    def _show(self, text: str) -> None:
        """Report the key, and what is signed by it where that is asked for, in the words of the reference."""
        report = self._call.report
        if not report.is_debug:
            return
        report("debug", f"Public Key Thumbprint (sha256): {self._key.thumbprint}")
        if self._call.settings[options.DEBUG_SIGNING]:
            checksum = hashlib.sha256(text.encode("utf-8")).hexdigest()
            report("debug", f"Signed Step: {text} checksum: {checksum}")


def signer_for(call: Call) -> Optional[Signer]:
    """Return what signs with the key that the options name, None where they name none. Raises AgentError."""
    settings = call.settings
    key: Optional[SigningKey] = None
    if any(settings[option] for option in options.KEY_SERVICES):
        from bkagent.cli.signing import key_services  # loaded here: most keys are in files

        key = key_services.signing_key(call)
    elif settings[options.JWKS_FILE]:
        path = settings[options.JWKS_FILE]
        key = key_file.read_signing_key(path, settings[options.JWKS_KEY])
        if not key.key_id:
            call.report("warn", key_file.describe_missing_id(path))
    return None if key is None else Signer(key, call)
