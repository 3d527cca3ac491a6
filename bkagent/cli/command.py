"""A command of the command line, and its call."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Dict, List, Optional, TextIO, Tuple

    from bkagent.cli.log import Log
    from bkagent.config.option import Option
    from bkagent.config.settings import Settings
    from bkagent.redaction.variables import SecretValues


class Command:
    """One command of the command line. Its summary, a line for lists, is in `table`: lists load no command.

    name          its words, such as "meta-data get"
    options       what may be set; `config.options`
    arguments     their names for the usage line; "[NAME]" for one that may be missing
    description   more about it, for --help
    example       one command line that works
    run           does it; returns the exit status
    reads_file    whether the configuration file counts for it
    file_options  further options of that file, for another command; their names are not unknown here
    exact         whether `run` refuses a wrong number of arguments; otherwise surplus ones are ignored with a warning
    """

    __slots__ = (
        "name", "run", "options", "arguments", "description", "example", "reads_file", "exact",
        "file_options",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        run: "Callable[[Call], int]",
        *,
        options: "Tuple[Option, ...]" = (),
        arguments: "Tuple[str, ...]" = (),
        description: str = "",
        example: str = "",
        reads_file: bool = False,
        exact: bool = False,
        file_options: "Tuple[Option, ...]" = (),
    ) -> None:
        self.name = name
        self.run = run
        self.options = options
        self.arguments = arguments
        self.description = description
        self.example = example
        self.reads_file = reads_file
        self.exact = exact
        self.file_options = file_options


class Call:
    """One run of a command: its settings and arguments, and the streams it may use."""

    __slots__ = (
        "command", "settings", "arguments", "environ", "stdin", "out", "err", "report", "secrets",
        "told_of_secrets",
    )  # fmt: skip

    def __init__(
        self,
        command: Command,
        settings: "Settings",
        arguments: "List[str]",
        environ: "Dict[str, str]",
        stdin: "TextIO",
        out: "TextIO",
        err: "TextIO",
        report: "Log",
    ) -> None:
        self.command = command
        self.settings = settings
        self.arguments = arguments
        self.environ = environ
        self.stdin = stdin
        self.out = out
        self.err = err
        self.report = report
        self.secrets: "Optional[SecretValues]" = None  # read at the first text that leaves the job
        self.told_of_secrets = False
