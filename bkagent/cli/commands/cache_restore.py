"""`bkagent cache restore`: bring back the files of earlier jobs."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import client, unsupported
from bkagent.config.options import cache as options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call


def run(call: "Call") -> int:
    """Refuse."""
    return unsupported.refuse("restoring caches is")


COMMAND = Command(
    "cache restore",
    run,
    options=(*client.OPTIONS, *options.CACHE),
    description="Restores the caches that the pipeline's cache file describes.",
    example="bkagent cache restore --name node-modules",
)
