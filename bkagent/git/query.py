"""Ask git outside of a job's phases, which show their commands and can be cancelled (`git/run.py`)."""

from __future__ import annotations

import subprocess
from typing import Mapping, NamedTuple, Optional, Sequence

from bkagent.errors import AgentError


class QueryFailed(AgentError):
    """A git command did not answer, or with an error; the text says which and why."""


class GitMissing(QueryFailed):
    """There is no git on PATH."""


class CommandOutput(NamedTuple):
    """What a command printed to its outputs; `error` without blanks around it."""

    exit_status: int
    printed: bytes
    error: str


def ask(
    words: Sequence[str], environ: Mapping[str, str], *, folder: Optional[str] = None, timeout_s: Optional[float] = None
) -> CommandOutput:
    """Run git with these arguments, without input. Raises QueryFailed where it cannot start or takes too long."""
    shown = "git " + " ".join(words)
    # Without quotePath=false a name beyond ASCII would come in quotes and match no pattern.
    command = ["git", "-c", "core.quotePath=false", *words]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_s,
            check=False,
            close_fds=False,
        )
    except FileNotFoundError as error:
        raise GitMissing(f"{shown}: {error.strerror}") from None
    except OSError as error:
        raise QueryFailed(f"{shown}: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise QueryFailed(f"{shown}: no answer after {timeout_s:.0f} s") from None
    return CommandOutput(done.returncode, done.stdout, done.stderr.decode("utf-8", "replace").strip())
