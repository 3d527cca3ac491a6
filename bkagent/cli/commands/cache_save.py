"""`bkagent cache save`: keep files for later jobs."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import client, unsupported
from bkagent.config.options import cache as options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call


def run(call: "Call") -> int:
    """Refuse."""
    return unsupported.refuse("saving caches is")


COMMAND = Command(
    "cache save",
    run,
    options=(*client.OPTIONS, *options.CACHE),
    description="Saves the caches that the pipeline's cache file describes.",
    example="bkagent cache save --name node-modules",
)
