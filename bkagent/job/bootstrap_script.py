"""Run a configured program in place of the phases; it usually sets things up and calls `bkagent bootstrap`."""

from __future__ import annotations

import os
from typing import Mapping, Optional

from bkagent.errors import AgentError, Cancelled
from bkagent.job.leftovers import Leftovers
from bkagent.logs.job_log import JobLog
from bkagent.shell import words
from bkagent.shell.cancellation import Cancellation
from bkagent.shell.launch import StartFailed
from bkagent.shell.log_lines import LogLines
from bkagent.shell.session import CommandFailed, Session
from bkagent.spool.background_sync import CallLater
from bkagent.spool.result import Result
from bkagent.wire.finish import RUN_ERROR


def run(
    command: str,
    environ: Mapping[str, str],
    log: JobLog,
    cancellation: Cancellation,
    pty: bool,
    ends_leftovers: bool,
    call_later: CallLater,
) -> Optional[Result]:
    """Run it with the job's environment, under the job's terminal; return its result as that of the job.

    Returns None where the job was cancelled before it could begin.
    """
    leftovers = Leftovers(environ, ends_leftovers, call_later)
    leftovers.track()
    lines = LogLines(log)
    session = Session(environ, os.getcwd(), lines, cancellation=cancellation, pty=pty, base_env=leftovers.env)
    result = _run(session, command, log)
    leftovers.report_or_kill(lines, cancellation.requested)
    return result


def _run(session: Session, command: str, log: JobLog) -> Optional[Result]:
    try:
        session.run(words.split(command), shown="")
    except Cancelled:
        return None
    except CommandFailed as failed:
        return Result(failed.exit_code, failed.signal)
    except StartFailed as failed:
        log.line(f"Error running job: {failed.why}")
        return Result(-1, "", RUN_ERROR)
    except (AgentError, ValueError) as problem:
        log.line(f"Error running job: {problem}")
        return Result(-1, "", RUN_ERROR)
    return Result(0)
