"""`bkagent spool show JOB`: print what is known of one job of the spool."""

from bkagent.cli.command import Call, Command
from bkagent.config.options import spool
from bkagent.wire.shown_text import one_line


def run(call: Call) -> int:
    """Print a line for each thing; return 0."""
    from bkagent.cli.pages import spool_view

    document = spool_view.document(spool_view.named_job(call))
    if call.settings[spool.JSON]:
        import json

        call.out.write(json.dumps(document, indent=2) + "\n")
        return 0
    for name, value in document.items():
        if value not in (None, ""):
            call.out.write(f"{name}: {one_line(str(value))}\n")
    return 0


COMMAND = Command(
    "spool show",
    run,
    options=(*spool.SHARED, spool.JSON),
    arguments=("JOB",),
    description="JOB is the id of a job that `bkagent spool list` shows, or the start of it.",
    example="bkagent spool show 0190a",
    exact=True,
    reads_file=True,
    file_options=spool.OF_THE_AGENT,
)
