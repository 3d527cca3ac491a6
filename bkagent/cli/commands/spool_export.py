"""`bkagent spool export JOB [FILE]`: write the log of one job of the spool."""

from bkagent.cli.command import Call, Command
from bkagent.config.options import spool
from bkagent.errors import AgentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

    from bkagent.spool.listing import SpooledJob

_READ_BYTES = 1024 * 1024


def run(call: Call) -> int:
    """Write the log; return 0."""
    from bkagent.cli.pages import spool_view
    from bkagent.system.plain_file import open_plain

    job = spool_view.named_job(call)
    try:
        with open(job.log_path, "rb", opener=open_plain) as log:
            if len(call.arguments) < 2:
                _copy(log, call.out.buffer, call, job)
                return 0
            with open(call.arguments[1], "xb") as file:
                _copy(log, file, call, job)
    except FileExistsError:
        raise AgentError(f"{call.arguments[1]} already exists and is not overwritten") from None
    except OSError as problem:
        raise AgentError(f"the log of job {job.job_id} cannot be written: {problem}") from problem
    call.report("info", f"Wrote the log of job {job.job_id} to {call.arguments[1]}")
    return 0


def _copy(log: "BinaryIO", out: "BinaryIO", call: Call, job: "SpooledJob") -> None:
    from bkagent.logs.strip_stamps import StampStripper
    from bkagent.spool.manifest import JobManifest

    unstamped = StampStripper(job.job or JobManifest(job.job_id, "", "")) if call.settings[spool.PLAIN] else None
    for data in iter(lambda: log.read(_READ_BYTES), b""):
        out.write(unstamped.feed(data) if unstamped else data)
    if unstamped:
        out.write(unstamped.flush())
    out.flush()


COMMAND = Command(
    "spool export",
    run,
    options=(*spool.SHARED, spool.PLAIN),
    arguments=("JOB", "[FILE]"),
    description="""Writes the log as it is on disk, with secrets redacted, to FILE or standard output; also the log of
a job that its control plane has refused. JOB is the id of a job that `bkagent spool list` shows, or the start of it. A
FILE that exists is not overwritten.""",
    example="bkagent spool export --plain 0190a job.log",
    reads_file=True,
    file_options=spool.OF_THE_AGENT,
)
