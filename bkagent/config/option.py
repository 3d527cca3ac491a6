"""What an option is. Each is declared once, in `config/options/`, and drives parsing, help and the file."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Mapping, Optional, Tuple, Union

    from bkagent.config.kinds import ValueKind
    from bkagent.config.variables.job_variable import JobVariable


class Option:
    """One setting.

    name       the flag without its dashes, and the key in the configuration file
    kind       how its text is read (`config.kinds`)
    default    the value without any source; a callable gets the environment and returns the value
    env        variables that set it; the first that exists wins, also when empty
    help       one sentence, also the text of the reference page
    secret     never printed, never handed to a child process
    hidden     works, but is not shown in help
    in_file    may stand in the configuration file
    required   words for "Missing ..." where it must not be empty after loading
    replaced_by  name of the option to use instead; using this one warns
    deprecated   better not used any more; what is replaced is that anyway
    job        how jobs are told of it, and read it back; None where they are not
    """

    __slots__ = (
        "name", "kind", "default", "env", "help", "secret", "hidden", "in_file", "required", "replaced_by",
        "deprecated", "job",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        kind: "ValueKind",
        default: object,
        *,
        env: "Tuple[str, ...]" = (),
        help: str = "",
        secret: bool = False,
        hidden: bool = False,
        in_file: bool = True,
        required: str = "",
        replaced_by: str = "",
        deprecated: bool = False,
        job: "Optional[JobVariable]" = None,
    ) -> None:
        self.name = name
        self.kind = kind
        self.default: "Union[object, Callable[[Mapping[str, str]], object]]" = default
        self.env = env
        self.help = help
        self.secret = secret
        self.hidden = hidden
        self.in_file = in_file
        self.required = required
        self.replaced_by = replaced_by
        self.deprecated = deprecated or bool(replaced_by)
        self.job = job
        if job is not None:
            job.belong_to(self)

    def required_as(self, words: str) -> "Option":
        """Return the same option, required under these words."""
        return Option(
            self.name,
            self.kind,
            self.default,
            env=self.env,
            help=self.help,
            secret=self.secret,
            hidden=self.hidden,
            in_file=self.in_file,
            required=words,
            replaced_by=self.replaced_by,
            deprecated=self.deprecated,
        )

    def __repr__(self) -> str:
        return f"Option({self.name})"
