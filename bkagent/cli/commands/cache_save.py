"""`bkagent cache save`: keep files for later jobs."""

from bkagent.cli import in_job, not_yet
from bkagent.cli.command import Command
from bkagent.config.options import cache as options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call


def run(call: "Call") -> int:
    """Refuse."""
    return not_yet.refuse("cannot save caches")


COMMAND = Command(
    "cache save",
    "Save caches of the job",
    run,
    options=(*in_job.OPTIONS, *options.CACHE),
    description="Saves the caches that the pipeline's cache file describes.",
    example="bkagent cache save --name node-modules",
)
