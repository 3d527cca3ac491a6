"""Credentials that a command prints, as `credential_process` of a profile names it.

Source: docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
"""

from __future__ import annotations

import subprocess
from typing import Mapping

from bkagent.cloud.aws import credential_answer
from bkagent.cloud.aws.credentials import AwsCredentials, Fetch, NoCredentials
from bkagent.cloud.aws.profiles import Profile
from bkagent.cloud.renewal import Expiring
from bkagent.errors import WireError
from bkagent.system.system_kind import ON_WINDOWS
from bkagent.wire.shown_text import one_line

_TIME_LIMIT_S = 60.0  # as the Go SDK waits
_LARGEST_BYTES = 64 * 1024
_SHOWN_LETTERS = 300


def printed_credentials(profile: Profile, environ: Mapping[str, str]) -> Fetch:
    """Return a source that runs the command of a profile, in a shell, whenever credentials are needed."""
    command = profile.text("credential_process")
    what = f'credential_process of the AWS profile "{profile.name}"'

    def fetch() -> Expiring[AwsCredentials]:
        output = _run(command, environ, what)
        try:
            fields = credential_answer.fields_of(output, f"the output of {what}")
            if fields.get("Version") != 1:
                raise NoCredentials(f"{what} has printed another Version than 1")
            return credential_answer.read(fields, f"the output of {what}", what, token_name="SessionToken")
        except WireError as problem:  # which as the answer of a server would be worth another try
            raise NoCredentials(str(problem)) from None

    return fetch


def _run(command: str, environ: Mapping[str, str], what: str) -> bytes:
    words = ["cmd.exe", "/C", command] if ON_WINDOWS else ["sh", "-c", command]
    try:
        done = subprocess.run(
            words, env=dict(environ), stdin=subprocess.DEVNULL, capture_output=True, timeout=_TIME_LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise NoCredentials(f"{what} has not ended after {_TIME_LIMIT_S:.0f} s") from None
    except OSError as problem:
        raise NoCredentials(f"{what} cannot be started: {problem.strerror or problem}") from None
    if done.returncode != 0:
        last_line = one_line(done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2])[:_SHOWN_LETTERS]
        reason = f": {last_line}" if last_line else ""
        raise NoCredentials(f"{what} has failed with exit status {done.returncode}{reason}")
    if len(done.stdout) > _LARGEST_BYTES:
        raise NoCredentials(f"{what} has printed more than {_LARGEST_BYTES} bytes")
    return done.stdout.replace(b'\\"', b'"') if ON_WINDOWS else done.stdout
