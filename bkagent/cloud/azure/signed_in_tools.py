"""Tokens of a developer who has signed in to one of Microsoft's command line tools.

The tools renew their tokens without a browser for as long as they can; when they cannot, what they say is shown.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from base64 import b64encode
from dataclasses import dataclass
from typing import Callable, Mapping, Optional, Tuple

from bkagent.cloud.azure.token_source import CredentialUnavailable, TokenRequest
from bkagent.cloud.renewal import Expiring
from bkagent.config.secret import Secret
from bkagent.wire import json_text
from bkagent.wire.shown_text import one_line
from bkagent.wire.timestamps import moment_of

_LIMIT_S = 30.0
_SHOWN_LETTERS = 300
# Prints the same for every version of the module Az.Accounts: newer ones return the token as a SecureString, which
# a NetworkCredential undoes.
_POWERSHELL_SCRIPT = (
    "$ErrorActionPreference='Stop'; $t=Get-AzAccessToken -ResourceUrl '{resource}' -WarningAction Ignore; $s=$t.Token; "
    "if($s -is [securestring]){{$s=[Net.NetworkCredential]::new('',$s).Password}}; "
    "@{{token=$s;expiresOn=$t.ExpiresOn.ToUnixTimeSeconds()}}|ConvertTo-Json -Compress"
)


@dataclass(frozen=True)
class SignedInTool:
    """programs   names to look for on PATH, first one first
    arguments  of the program, for a request
    token      field of the token in its JSON
    expiry     fields that may say when it expires, the first one first: in seconds since the epoch, by RFC 3339, or in
               local time without a zone
    """

    programs: Tuple[str, ...]
    arguments: Callable[[TokenRequest], Tuple[str, ...]]
    token: str
    expiry: Tuple[str, ...]


def _powershell_arguments(request: TokenRequest) -> Tuple[str, ...]:
    script = b64encode(_POWERSHELL_SCRIPT.format(resource=request.resource).encode("utf-16-le")).decode()
    return ("-NoProfile", "-NonInteractive", "-OutputFormat", "Text", "-EncodedCommand", script)


_AZURE_CLI = SignedInTool(
    ("az",),
    lambda request: ("account", "get-access-token", "--output", "json", "--resource", request.resource),
    "accessToken",
    ("expires_on", "expiresOn"),
)
_DEVELOPER_CLI = SignedInTool(
    ("azd",),
    lambda request: ("auth", "token", "--output", "json", "--no-prompt", "--scope", request.scope),
    "token",
    ("expiresOn",),
)
_POWERSHELL = SignedInTool(("pwsh", "powershell.exe"), _powershell_arguments, "token", ("expiresOn",))


def fetch_by_azure_cli(request: TokenRequest) -> Expiring[Secret]:
    """Return the token of `az login`. Raises CredentialUnavailable."""
    return _fetch(request, _AZURE_CLI)


def fetch_by_developer_cli(request: TokenRequest) -> Expiring[Secret]:
    """Return the token of `azd auth login`. Raises CredentialUnavailable."""
    return _fetch(request, _DEVELOPER_CLI)


def fetch_by_powershell(request: TokenRequest) -> Expiring[Secret]:
    """Return the token of `Connect-AzAccount`. Raises CredentialUnavailable."""
    return _fetch(request, _POWERSHELL)


def _fetch(request: TokenRequest, tool: SignedInTool) -> Expiring[Secret]:
    environ = request.context.environ
    program = next(filter(None, (shutil.which(name, path=environ.get("PATH", "")) for name in tool.programs)), None)
    if program is None:
        raise CredentialUnavailable(f"{tool.programs[0]} is not on the PATH")
    output = _run(program, tool.arguments(request), environ)
    return _read(output, tool, program)


def _run(program: str, arguments: Tuple[str, ...], environ: Mapping[str, str]) -> bytes:
    try:
        done = subprocess.run(
            [program, *arguments], env=dict(environ), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, timeout=_LIMIT_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise CredentialUnavailable(f"{program} did not answer within {_LIMIT_S:.0f} s") from None
    except OSError as problem:
        raise CredentialUnavailable(f"{program} could not be started: {problem.strerror or problem}") from problem
    if done.returncode:
        words = " ".join(done.stderr.decode("utf-8", "replace").split())[:_SHOWN_LETTERS]
        raise CredentialUnavailable(f"{program} failed with status {done.returncode}: {one_line(words)}")
    return done.stdout


def _read(output: bytes, tool: SignedInTool, program: str) -> Expiring[Secret]:
    try:
        document = json_text.loads(output)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise CredentialUnavailable(f"{program} did not print a JSON object")
    token = document.get(tool.token)
    expires_s = _expiry_s(next((document[field] for field in tool.expiry if document.get(field)), None))
    if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable() or expires_s is None:
        raise CredentialUnavailable(
            f"{program} printed no valid {tool.token} and {tool.expiry[0]}; a newer version may do so"
        )
    return Expiring(Secret(token), expires_s)


def _expiry_s(value: object) -> Optional[float]:
    if isinstance(value, str):
        moment = moment_of(value)
        return _local_moment(value) if moment is None else moment
    return float(value) if isinstance(value, int) and 0 < value < 1e11 else None


def _local_moment(text: str) -> Optional[float]:
    """Return the seconds of `2026-11-30 12:00:00.000000` in this machine's zone, as older versions of az print it."""
    try:
        return time.mktime(time.strptime(text.partition(".")[0], "%Y-%m-%d %H:%M:%S"))
    except (ValueError, OverflowError):
        return None
