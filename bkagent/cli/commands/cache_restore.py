"""`bkagent cache restore`: bring back the files of earlier jobs."""

from bkagent.cli import in_job, not_yet
from bkagent.cli.command import Command
from bkagent.config.options import cache as options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call


def run(call: "Call") -> int:
    """Refuse."""
    return not_yet.refuse("cannot restore caches")


COMMAND = Command(
    "cache restore",
    "Restore caches of the job",
    run,
    options=(*in_job.OPTIONS, *options.CACHE),
    description="Restores the caches that the pipeline's cache file describes.",
    example="bkagent cache restore --name node-modules",
)
