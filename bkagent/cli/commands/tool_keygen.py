"""`bkagent tool keygen`: make a pair of keys that sign pipelines."""

from bkagent.cli import not_yet
from bkagent.cli.command import Command
from bkagent.config.options import signing as options
from bkagent.config.options.logging import SHARED
from bkagent.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call


def run(call: "Call") -> int:
    """Check the algorithm, and refuse."""
    algorithm, legal = call.settings[options.ALGORITHM], options.ALGORITHMS
    if algorithm and algorithm not in legal:
        raise UsageError(f'Invalid signing algorithm: {algorithm}. Valid signing algorithms are: {", ".join(legal)}')
    return not_yet.refuse("cannot make keys that sign pipelines")


COMMAND = Command(
    "tool keygen",
    "Make a pair of keys that sign pipelines",
    run,
    options=(*SHARED, *options.KEYGEN),
    description="Makes a private key, which signs the steps of pipelines, and the public one that agents check with.",
    example="bkagent tool keygen --alg EdDSA --key-id deploys",
)
