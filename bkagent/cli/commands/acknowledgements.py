"""`bkagent acknowledgements`: print whose work is part of this program."""

from bkagent.cli.command import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call

TEXT = """\
bkagent contains only its own code (MIT licence, see LICENSE) and uses the standard library of your Python (licence of
the Python Software Foundation).
"""


def run(call: "Call") -> int:
    """Print them."""
    call.out.write(TEXT)
    return 0


COMMAND = Command(
    "acknowledgements",
    run,
    description="Prints the licences of the software that this program contains.",
    example="bkagent acknowledgements",
)
