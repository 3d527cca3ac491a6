"""`bkagent tool sign [FILE]`: sign the steps of a pipeline."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import unsupported
from bkagent.config.options import signing as options
from bkagent.config.options.logging import SHARED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call


def run(call: "Call") -> int:
    """Refuse."""
    return unsupported.refuse("signing pipelines is")


COMMAND = Command(
    "tool sign",
    run,
    options=(*SHARED, *options.SIGN),
    arguments=("[FILE]",),
    description="Signs the steps of a pipeline in a file, or of one that is fetched and updated with --graphql-token.",
    example="bkagent tool sign pipeline.yml --jwks-file private.json --repo https://example.com/acme/widgets.git",
)
