"""A program that prints the token of the other provider. It runs only where an environment variable allows it.

https://google.aip.dev/auth/4117#determining-the-subject-token-in-executable-sourced-credentials
"""

from __future__ import annotations

import re
import subprocess
from typing import Dict

from bkagent.cloud.google.configuration import read_file
from bkagent.cloud.google.subject import FetchSubject, Subject
from bkagent.cloud.token_answer import LARGEST_BYTES, read_object
from bkagent.config.secret import Secret
from bkagent.errors import AgentError, ConfigError, Refused, WireError
from bkagent.wire.shown_text import one_line

ALLOW_VARIABLE = "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES"
_LIMITS_MS = (5000, 120_000)
_USUAL_LIMIT_MS = 30_000
_VERSION = 1
_ACCOUNT = re.compile(r"https://iamcredentials\..+/v1/projects/-/serviceAccounts/(.*@.*):generateAccessToken")
# Member of the answer that has the token, by its type.
_TOKEN_MEMBERS = {
    "urn:ietf:params:oauth:token-type:jwt": "id_token",
    "urn:ietf:params:oauth:token-type:id_token": "id_token",
    "urn:ietf:params:oauth:token-type:saml2": "saml_response",
}


class _Unusable(Refused):
    """What was kept from an earlier run is a failure, or expired: the program is asked again."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 0)


class _Program:
    def __init__(self, subject: Subject) -> None:
        described = subject.source.inner("executable")
        if described is None:
            raise ConfigError(f"{subject.where}: executable must be an object")
        self._subject, self._environ = subject, subject.configuration.context.environ
        self._now = subject.configuration.context.now
        self._command, self._output_path = described.text("command").split(), described.text("output_file", "")
        limit_ms = described.whole("timeout_millis", _USUAL_LIMIT_MS)
        if not self._command or not _LIMITS_MS[0] <= limit_ms <= _LIMITS_MS[1]:
            raise ConfigError(
                f"{subject.where}: executable needs a command, and a timeout_millis from {_LIMITS_MS[0]} to "
                f"{_LIMITS_MS[1]}"
            )
        self._limit_s = limit_ms / 1000
        self._where = f"the program of {subject.where}"

    def fetch(self) -> Secret:
        if self._output_path:
            try:
                kept = read_file(self._output_path, f"{self._output_path} (output_file)")
                if kept:
                    return self._read(kept)
            except (ConfigError, _Unusable):
                pass
        if self._environ.get(ALLOW_VARIABLE) != "1":
            raise ConfigError(
                f"{self._where} runs only if {ALLOW_VARIABLE}=1 is set; the file that names it is to be trusted"
            )
        return self._read(self._run())

    def _run(self) -> bytes:
        try:
            ended = subprocess.run(
                self._command, env={**self._environ, **self._variables()}, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=self._limit_s, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise AgentError(f"{self._where} did not end within {self._limit_s:g} s") from None
        except (OSError, ValueError) as problem:
            raise AgentError(f"{self._where} cannot be started: {problem}") from problem
        if ended.returncode:
            raise AgentError(f"{self._where} failed with exit status {ended.returncode}")
        output = ended.stdout.strip() or ended.stderr.strip()
        if len(output) > LARGEST_BYTES:
            raise WireError(f"{self._where} printed more than {LARGEST_BYTES} bytes")
        return output

    def _variables(self) -> Dict[str, str]:
        variables = {
            "AUDIENCE": self._subject.audience, "TOKEN_TYPE": self._subject.token_type, "INTERACTIVE": "0",
        }  # fmt: skip
        account = _ACCOUNT.match(self._subject.account_url)
        if account:
            variables["IMPERSONATED_EMAIL"] = account.group(1)
        if self._output_path:
            variables["OUTPUT_FILE"] = self._output_path
        return {f"GOOGLE_EXTERNAL_ACCOUNT_{name}": text for name, text in variables.items()}

    def _read(self, output: bytes) -> Secret:
        """Return the token of an answer. Raises WireError for its form, _Unusable for a failure or an old token."""
        reader = read_object(output, self._where)
        version = reader.whole("version")
        if not reader.flag("success"):
            words = one_line(f"{reader.text('code', '')}: {reader.text('message', '')}"[:300])
            raise _Unusable(f"{self._where} has no token: {words}")
        if version != _VERSION:
            raise WireError(f"{self._where}: version must be {_VERSION}, found {version}")
        expires_s = reader.whole("expiration_time", 0)
        if self._output_path and not expires_s:
            raise WireError(f"{self._where}: expiration_time must be there where output_file is set")
        if expires_s and expires_s < self._now():
            raise _Unusable(f"{self._where} gave a token that has expired")
        member = _TOKEN_MEMBERS.get(reader.text("token_type"))
        if member is None:
            raise WireError(f"{self._where}: token_type must be one of {', '.join(_TOKEN_MEMBERS)}")
        return Secret(reader.text(member))


def open_program(subject: Subject) -> FetchSubject:
    """Return what runs the program of a configuration. Raises ConfigError and WireError for what that lacks."""
    return _Program(subject).fetch
