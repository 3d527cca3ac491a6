"""`bkagent tool keygen`: make a pair of keys that sign pipelines."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import choices, unsupported
from bkagent.config.options import signing as options
from bkagent.config.options.logging import SHARED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call


def run(call: "Call") -> int:
    """Check the algorithm, and refuse."""
    if call.settings[options.ALGORITHM]:
        choices.check(call, options.ALGORITHM)
    return unsupported.refuse("generating signing keys is")


COMMAND = Command(
    "tool keygen",
    run,
    options=(*SHARED, *options.KEYGEN),
    description="Generates a private key that signs the steps of pipelines, and the public key to verify them with.",
    example="bkagent tool keygen --alg EdDSA --key-id deploys",
)
