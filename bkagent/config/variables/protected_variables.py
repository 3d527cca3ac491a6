"""Which variables the parts of a job may not set: the one place that says so.

Who sets a variable, and what is closed to them (`DANGEROUS`: `config.variables.dangerous_variables`, without command
lines all of them, with `protect-dangerous-git-environment-variables` those of git; `NAMED`: what the operator names):

                       ALWAYS   CHECKOUT       NAMED, DANGEROUS
    agent's own hooks  closed   mode "strict"  open
    control plane      (1)      (1)            closed; without command lines those of `_WHAT_RUNS` as well
    repository's hooks closed   mode "strict"  closed
    plugins' hooks     closed   mode "strict"  closed
    Job API            closed   mode "strict"  closed
    secrets of steps   closed   unless "none"  closed

(1) what the agent itself tells a job goes over what the job brought, see `agent.jobs.job_environment`.

Which variables are ALWAYS and CHECKOUT is in the rows of the options (`config.variables.job_variable`).
"""

from __future__ import annotations

from typing import Optional, Sequence, Tuple

from bkagent.config.options import agent, bootstrap, checkout
from bkagent.config.variables import dangerous_variables as dangerous
from bkagent.config.variables import job_variables
from bkagent.config.variables.job_variable import BY_MODE, NO_SECRET, NOBODY, SPARSE_BY_MODE
from bkagent.system.system_kind import ON_WINDOWS

# Closed to all of a job.
ALWAYS = job_variables.open_to(NOBODY)
# Locked only while the operator wants the checkout to be the agent's business alone.
CHECKOUT = job_variables.open_to(BY_MODE, SPARSE_BY_MODE)
# Hooks and in-job commands may set some that secrets may not.
_CLOSED_TO_SECRETS = ALWAYS | job_variables.open_to(NO_SECRET)
CHECKOUT_OVERRIDE_MODE = checkout.OVERRIDE_MODE.env[0]
IGNORED = "BUILDKITE_IGNORED_ENV"  # tells a job what of it was left out

# A program that replaces ours in the tests of the reference: the user who starts the agent may name one.
OVERRIDE_SELF = "BUILDKITE_OVERRIDE_SELF"

# By this the launcher of a virtual environment tells Python which one it is. Python takes it for its own place even
# with -I, and loads its standard library from there: 3.8 to 3.10 all of it, later ones what they find nowhere else.
_VENV_LAUNCHER = "__PYVENV_LAUNCHER__"

# If the agent does not set these, they are unset.
_ONLY_OF_THE_AGENT = frozenset((OVERRIDE_SELF, _VENV_LAUNCHER, *agent.PROTECTED_VARIABLES.env, *agent.PROTECT_GIT.env))

# Named here, since there is no option for them.
CHECKOUT_PATH = "BUILDKITE_BUILD_CHECKOUT_PATH"
DOCKER_FILE, DOCKER_COMPOSE_FILE = "BUILDKITE_DOCKER_FILE", "BUILDKITE_DOCKER_COMPOSE_FILE"

# By these the control plane could still have any program run as the job's command or instead of git, or a container
# that is not the repository's; cmd.exe is given a path in TEMP, and takes `&` in it for the end of a command. Hooks may
# set them: they put tools on PATH, and are code themselves.
_WHAT_RUNS = frozenset((
    "PATH", *bootstrap.PHASES.env, CHECKOUT_PATH, DOCKER_FILE, DOCKER_COMPOSE_FILE, "TEMP", "TMP",
))  # fmt: skip

AGENT_SCOPE = "agent"  # of hooks; the others are "repository" and "plugin"
IGNORES_CASE = ON_WINDOWS


class Protection:
    """What of one agent's jobs is closed to whom.

    named         patterns of names, `*` for any characters
    for_git       whether the dangerous variables of git are closed
    command_eval  whether the job may run any command line; where not, all dangerous ones and the checkout are closed
    mode          who may change the checkout: "strict", "from-job" or "none"
    """

    def __init__(
        self,
        named: Sequence[str] = (),
        for_git: bool = False,
        command_eval: bool = True,
        mode: str = "from-job",
        ignores_case: bool = IGNORES_CASE,
    ) -> None:
        self.mode = mode if command_eval else "strict"
        self._command_eval, self._ignores_case = command_eval, ignores_case
        self._named: Tuple[str, ...] = tuple(map(self._folded, named))
        self._groups = dangerous.GITS if for_git else ()
        if not command_eval:
            self._groups = dangerous.GROUPS

    def shields(self, name: str, value: Optional[str] = None) -> bool:
        """Return whether only the agent's side may set `name` to `value`; None stands for any value, and for none."""
        name = self._folded(name)
        if any(dangerous.fits(pattern, name) for pattern in self._named):
            return True
        return dangerous.is_among(self._groups, name, value)

    def drops(self, name: str, value: Optional[str] = None) -> bool:
        """Return whether a variable that came with the job is left out."""
        folded = self._folded(name)
        if folded in _ONLY_OF_THE_AGENT or (folded in _WHAT_RUNS and not self._command_eval):
            return True
        return self.shields(name, value)

    def closes(self, name: str, value: Optional[str], scope: str) -> bool:
        """Return whether hooks of a scope, or in-job commands, may not set a variable; None stands for unsetting."""
        folded = self._folded(name)
        if folded in ALWAYS or (self.mode == "strict" and folded in CHECKOUT):
            return True
        return scope != AGENT_SCOPE and self.shields(name, value)

    def is_closed_to_secrets(self, name: str) -> bool:
        """Return whether no secret may ever set a variable."""
        return self._folded(name) in _CLOSED_TO_SECRETS or self.drops(name)

    def locks_secret(self, name: str) -> bool:
        """Return whether a variable of the checkout is locked against secrets."""
        return self.mode != "none" and self._folded(name) in CHECKOUT

    def _folded(self, name: str) -> str:
        return name.upper() if self._ignores_case else name
