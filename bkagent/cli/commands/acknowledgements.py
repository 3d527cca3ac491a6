"""`bkagent acknowledgements`: print whose work is part of this program."""

from bkagent.cli.command import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call

TEXT = """\
bkagent is made of its own code alone, under the MIT licence (see LICENSE), and of what the Python that runs it
brings along: its standard library, under the licence of the Python Software Foundation. No other software is
part of it.
"""


def run(call: "Call") -> int:
    """Print them."""
    call.out.write(TEXT)
    return 0


COMMAND = Command(
    "acknowledgements",
    "Print the licences of third-party software",
    run,
    description="Prints the licences of the software that this program contains.",
    example="bkagent acknowledgements",
)
