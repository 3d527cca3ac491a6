"""The search that `artifact list`, `artifact search` and `artifact shasum` share."""

from __future__ import annotations

from typing import List

from bkagent.cli.command import Call
from bkagent.cli.in_job import client
from bkagent.config.options import artifacts as options
from bkagent.errors import AgentError
from bkagent.remote.commands import artifacts
from bkagent.transport.retry import sleep
from bkagent.wire.artifacts import Artifact


def search(call: Call, query: str, include_duplicates: bool = False) -> List[Artifact]:
    """Return the artifacts that the control plane finds. Raises AgentError."""
    settings = call.settings
    scope = settings[options.STEP]
    within = f' within step: "{scope}"' if scope else ""
    call.report("info", f'Searching for artifacts: "{query}"{within}')
    try:
        return artifacts.search(
            client.client(call), settings[options.BUILD], query, scope=scope,
            include_retried_jobs=settings[options.INCLUDE_RETRIED_JOBS], include_duplicates=include_duplicates,
            wait=sleep, report=call.report,
        )  # fmt: skip
    except AgentError as error:
        raise AgentError(f"error searching for artifacts: {error}") from error


def accept_no_match(call: Call, query: str) -> None:
    """Report that nothing matches. Raises AgentError unless --allow-empty-results is given."""
    if not call.settings[options.ALLOW_EMPTY_RESULTS]:
        raise AgentError(f'no artifact matches "{query}"')
    call.report("info", f'No artifact matches "{query}"')
