"""What an option is to jobs: the variable that tells them of it, who may change that, and how it is read back.

An `Option` has one of these in its row, so that all there is to say about it stands there. `config.options.agent` has
them for options that other commands share, `config.variables.job_variables` for what no option says, such as the
agent's process id. (Options know this module, so it knows them as `Any`.)
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

# Who may change a variable besides the agent, which sets it. In-job commands may change what hooks may.
NOBODY = "nobody"  # neither the control plane, nor hooks, nor secrets
BY_MODE = "by mode"  # hooks unless --checkout-override-mode is "strict"; the control plane too if it is "none"
SPARSE_BY_MODE = "sparse by mode"  # hooks and the control plane unless the mode is "strict"
NO_SECRET = "no secret"  # hooks
ANY_PART = "any part"  # hooks and secrets

# When the agent tells it. What it does not tell is as the control plane has it.
ALWAYS = "always"
WHEN_SET = "when set"  # when the option says more than its default
WHEN_SET_OR_STRICT = "when set or strict"
AS_GIVEN = "as given"  # when the agent's code has something to say: there is no option
NEVER = "never"

UNPLACED = 1000


class JobVariable:
    """One variable of jobs. In the row of `--git-clean-flags`, for example:

        job=JobVariable(place=39, open_to=BY_MODE, place_in_file=3, field="clean_flags", follows_hooks=True)

    sets BUILDKITE_GIT_CLEAN_FLAGS for every job; hooks may change it, and the checkout reads it as `clean_flags`.

    name            of the variable; by default the first one of `reader`
    option          of `start`, or of `bootstrap` if the value comes with the job; None if no option has the value
    told            when the agent sets it
    open_to         who may change it
    place           its position in the reference's order, which jobs see in BUILDKITE_IGNORED_ENV
    place_in_file   its position among the first names of the env file; 0 if not among them, UNPLACED if the
                    reference does not have it there: it then comes last, when it is set
    is_opposite     of a flag: the variable is "false" if the option is true
    reader          option of `bootstrap` that reads it in the job; None if no option does
    starts_job      whether the job's process needs it to start, and ends if it cannot be read
    field           its name in the settings that are read leniently (`checkout.checkout_settings`), "" if not there
    follows_hooks   whether a hook's change of the variable changes that field
    default         of that field if the variable is not set; by default that of `reader`
    """

    __slots__ = (
        "default", "field", "follows_hooks", "is_opposite", "name", "open_to", "option", "place", "place_in_file",
        "reader", "starts_job", "told", "_reads_itself",
    )  # fmt: skip

    def __init__(
        self,
        name: str = "",
        *,
        option: "Any" = None,
        told: str = ALWAYS,
        open_to: str = ANY_PART,
        place: int = UNPLACED,
        place_in_file: int = 0,
        is_opposite: bool = False,
        reader: "Any" = True,
        starts_job: bool = False,
        field: str = "",
        follows_hooks: bool = False,
        default: object = None,
    ) -> None:
        self.told, self.open_to, self.place, self.place_in_file = told, open_to, place, place_in_file
        self.is_opposite, self.starts_job = is_opposite, starts_job
        self.field, self.follows_hooks, self.default = field, follows_hooks, default
        self.name, self.option = name, option
        self.reader = None if isinstance(reader, bool) else reader
        self._reads_itself = reader is True
        if option is not None:
            self.belong_to(option)

    def belong_to(self, option: "Any") -> None:
        """Take from the option that has this in its row what the row does not say twice."""
        self.option = option
        if self._reads_itself:
            self.reader = option
        self.name = self.name or (self.reader or option).env[0]
        if self.default is None and self.reader is not None:
            self.default = self.reader.default

    def says(self, value: object, *, is_strict: bool) -> "Optional[str]":
        """Return what a job is told where the option has this value; None for nothing."""
        if self.told in (AS_GIVEN, NEVER):
            return None
        if self.told != ALWAYS and not (is_strict and self.told == WHEN_SET_OR_STRICT) and not self._is_set(value):
            return None
        if isinstance(value, bool):
            return "true" if value != self.is_opposite else "false"
        return ",".join(value) if isinstance(value, (list, tuple)) else str(value)

    def _is_set(self, value: object) -> bool:
        default = self.option.default if self.option is not None else None
        if isinstance(value, int) and isinstance(default, int):
            return value > default
        return bool(value) and value != default
