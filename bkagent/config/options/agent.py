"""Options of `start` that say what its jobs may do and how they are run."""

import os

from bkagent.config import compat
from bkagent.config.kinds import (
    CHECKED_FLAG,
    COMMAND_PATH,
    FILE_PATH,
    FLAG,
    LIST,
    NAME_PATTERNS,
    TEXT,
    WHOLE,
    Choice,
    ValueKind,
)  # fmt: skip
from bkagent.config.option import Option
from bkagent.config.options import (
    accepted,
    agent_signing,
    api,
    artifacts,
    checkout,
    job,
    job_logs,
    kubernetes,
    logging,
    session,
    sockets,
)
from bkagent.config.variables import job_variable as variable
from bkagent.system import host

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping

SIGNALS = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGKILL", "SIGUSR1", "SIGUSR2", "SIGTERM")


class _SignalName(ValueKind):
    """The name of a signal, in letters of either case."""

    __slots__ = ()
    has_syntax = False
    words = SIGNALS

    def from_flag(self, text: str) -> object:
        if text.upper() in SIGNALS:
            return text.upper()
        raise ValueError("one of " + ", ".join(SIGNALS))


def default_shell(environ: "Mapping[str, str]") -> str:
    """Return the shell that runs commands where nothing else is said."""
    system = host.goos()
    if system == "windows":
        return r"C:\Windows\System32\CMD.exe /S /C"
    if system in ("freebsd", "openbsd"):
        return "/usr/local/bin/bash -e -c"
    if system == "netbsd":
        return "/usr/pkg/bin/bash -e -c"
    return "/bin/bash -e -c" if os.path.exists("/bin/bash") else "/usr/bin/env bash -e -c"


BUILD_PATH = Option(
    "build-path",
    FILE_PATH,
    "",
    env=("BUILDKITE_BUILD_PATH",),
    required="build-path",
    help="Folder of the checkouts; created if missing.",
    job=variable.JobVariable(
        place=14,
        open_to=variable.NOBODY,
        starts_job=True,
        reader=Option("build-path", FILE_PATH, "", env=("BUILDKITE_BUILD_PATH",), help="Folder of the checkouts."),
    ),
)
HOOKS_PATH = Option(
    "hooks-path",
    FILE_PATH,
    "",
    env=("BUILDKITE_HOOKS_PATH",),
    help="Folder of the agent's hooks.",
    job=variable.JobVariable(place=18, open_to=variable.NOBODY, starts_job=True),
)
ADDITIONAL_HOOKS_PATHS = Option(
    "additional-hooks-paths",
    LIST,
    (),
    env=("BUILDKITE_ADDITIONAL_HOOKS_PATHS",),
    help="Further folders of agent hooks.",
    job=variable.JobVariable(place=19, starts_job=True),
)
PLUGINS_PATH = Option(
    "plugins-path",
    FILE_PATH,
    "",
    env=("BUILDKITE_PLUGINS_PATH",),
    help="Folder of the checkouts of plugins.",
    job=variable.JobVariable(place=20, open_to=variable.NOBODY, starts_job=True),
)
SOCKETS_PATH = sockets.SOCKETS_PATH
JOB_CONTEXT_PATH = kubernetes.JOB_CONTEXT_PATH
BOOTSTRAP_SCRIPT = Option(
    "bootstrap-script",
    COMMAND_PATH,
    "",
    env=("BUILDKITE_BOOTSTRAP_SCRIPT_PATH",),
    help="Command that runs a job instead of this program's own phases.",
)
SHELL = Option(
    "shell",
    TEXT,
    default_shell,
    env=("BUILDKITE_SHELL",),
    help="Shell that runs the commands of jobs.",
    job=variable.JobVariable(place=43, open_to=variable.NOBODY, place_in_file=19, starts_job=True),
)
HOOKS_SHELL = Option(
    "hooks-shell",
    TEXT,
    "",
    env=("BUILDKITE_HOOKS_SHELL",),
    help="Shell that runs hooks; if empty, chosen for each hook.",
    job=variable.JobVariable(place=44, open_to=variable.NOBODY, place_in_file=20),
)
CANCEL_GRACE_PERIOD = Option(
    "cancel-grace-period",
    WHOLE,
    10,
    env=(job.CANCEL_GRACE_PERIOD_VARIABLE,),
    help="Seconds that a cancelled job has to finish and upload its results.",
    job=variable.JobVariable(place=48, place_in_file=14, starts_job=True),
)
SIGNAL_GRACE_PERIOD = Option(
    "signal-grace-period-seconds",
    WHOLE,
    -1,
    env=("BUILDKITE_SIGNAL_GRACE_PERIOD_SECONDS",),
    help="Seconds until a cancelled command is killed; if negative, added to --cancel-grace-period.",
    job=variable.JobVariable(place=49, place_in_file=21, starts_job=True),
)
CANCEL_SIGNAL = Option(
    "cancel-signal",
    _SignalName("signal"),
    "SIGTERM",
    env=("BUILDKITE_CANCEL_SIGNAL",),
    help="Signal that interrupts a cancelled command.",
    job=variable.JobVariable(place=53, starts_job=True, told=variable.WHEN_SET),
)
NO_ANSI_TIMESTAMPS = Option(
    "no-ansi-timestamps",
    FLAG,
    False,
    env=("BUILDKITE_NO_ANSI_TIMESTAMPS",),
    help="Do not put timestamp codes into logs.",
)
TIMESTAMP_LINES = Option(
    "timestamp-lines",
    FLAG,
    False,
    env=("BUILDKITE_TIMESTAMP_LINES",),
    help="Prefix each line of logs with its time; requires --no-ansi-timestamps.",
)
NO_PTY = Option(
    "no-pty",
    FLAG,
    False,
    env=("BUILDKITE_NO_PTY",),
    help="Run commands without a pseudo-terminal.",
    job=variable.JobVariable(
        place=55,
        starts_job=True,
        told=variable.WHEN_SET,
        is_opposite=True,
        reader=Option("pty", FLAG, True, env=("BUILDKITE_PTY",), help="Run commands in a pseudo-terminal."),
    ),
)
NO_COMMAND_EVAL = Option(
    "no-command-eval",
    FLAG,
    False,
    env=("BUILDKITE_NO_COMMAND_EVAL",),
    help="Refuse command lines; run only scripts of the repository.",
    job=variable.JobVariable(
        place=28,
        open_to=variable.NOBODY,
        place_in_file=15,
        starts_job=True,
        is_opposite=True,
        reader=Option(
            "command-eval",
            FLAG,
            True,
            env=("BUILDKITE_COMMAND_EVAL",),
            help="Run command lines, not only scripts of the repository.",
        ),
    ),
)
NO_PLUGINS = Option(
    "no-plugins",
    FLAG,
    False,
    env=("BUILDKITE_NO_PLUGINS",),
    help="Refuse jobs with plugins.",
    job=variable.JobVariable(
        place=29,
        open_to=variable.NOBODY,
        place_in_file=17,
        starts_job=True,
        is_opposite=True,
        reader=Option("plugins-enabled", FLAG, True, env=("BUILDKITE_PLUGINS_ENABLED",), help="Run plugins."),
    ),
)
NO_PLUGIN_VALIDATION = Option(
    "no-plugin-validation",
    FLAG,
    True,
    env=("BUILDKITE_NO_PLUGIN_VALIDATION",),
    help="Do not validate the configuration of plugins.",
    job=variable.JobVariable(
        place=61,
        starts_job=True,
        is_opposite=True,
        reader=Option(
            "plugin-validation",
            FLAG,
            False,
            env=("BUILDKITE_PLUGIN_VALIDATION",),
            help="Validate the configuration of plugins.",
        ),
    ),
)
PLUGINS_ALWAYS_CLONE_FRESH = Option(
    "plugins-always-clone-fresh",
    FLAG,
    False,
    env=("BUILDKITE_PLUGINS_ALWAYS_CLONE_FRESH",),
    help="Clone plugins again for each job.",
    job=variable.JobVariable(
        told=variable.WHEN_SET, open_to=variable.NO_SECRET, place=30, field="always_fresh_plugins", follows_hooks=True
    ),
)
NO_LOCAL_HOOKS = Option(
    "no-local-hooks",
    FLAG,
    False,
    env=("BUILDKITE_NO_LOCAL_HOOKS",),
    help="Refuse hooks of the repository.",
    job=variable.JobVariable(
        place=31,
        open_to=variable.NOBODY,
        place_in_file=16,
        starts_job=True,
        is_opposite=True,
        reader=Option(
            "local-hooks-enabled",
            FLAG,
            True,
            env=("BUILDKITE_LOCAL_HOOKS_ENABLED",),
            help="Run hooks of the repository.",
        ),
    ),
)
STRICT_SINGLE_HOOKS = Option(
    "strict-single-hooks",
    FLAG,
    False,
    env=("BUILDKITE_STRICT_SINGLE_HOOKS",),
    help="Allow one checkout hook and one command hook at most.",
    job=variable.JobVariable(place=47, place_in_file=23, starts_job=True),
)
ALLOWED_REPOSITORIES = Option(
    "allowed-repositories",
    LIST,
    (),
    env=("BUILDKITE_ALLOWED_REPOSITORIES",),
    help="Regular expressions; the repository of a job must match one.",
)
ENABLE_VARIABLE_ALLOWLIST = Option(
    "enable-environment-variable-allowlist",
    FLAG,
    False,
    env=("BUILDKITE_ENABLE_ENVIRONMENT_VARIABLE_ALLOWLIST",),
    help="Refuse jobs with variables that --allowed-environment-variables does not name.",
)
ALLOWED_VARIABLES = Option(
    "allowed-environment-variables",
    LIST,
    (),
    env=("BUILDKITE_ALLOWED_ENVIRONMENT_VARIABLES",),
    help="Regular expressions; the name of each variable of a job must match one.",
)
ALLOWED_PLUGINS = Option(
    "allowed-plugins",
    LIST,
    (),
    env=("BUILDKITE_ALLOWED_PLUGINS",),
    help="Regular expressions; the source of each plugin must match one.",
)
PROTECTED_VARIABLES = Option(
    "protected-environment-variables",
    NAME_PATTERNS,
    (),
    env=("BUILDKITE_PROTECTED_ENVIRONMENT_VARIABLES",),
    help="Names of variables that jobs, repository hooks and plugins may not set; * matches any characters.",
    job=variable.JobVariable(
        told=variable.WHEN_SET, open_to=variable.NOBODY, place_in_file=variable.UNPLACED, starts_job=True
    ),
)
PROTECT_GIT = Option(
    "protect-dangerous-git-environment-variables",
    CHECKED_FLAG,
    False,
    env=("BUILDKITE_PROTECT_DANGEROUS_GIT_ENVIRONMENT_VARIABLES",),
    help="Also protect every variable that makes git run a program, or gives it a configuration or a transport.",
    job=variable.JobVariable(
        told=variable.WHEN_SET, open_to=variable.NOBODY, place_in_file=variable.UNPLACED, starts_job=True
    ),
)
NO_MULTIPART = Option(
    "no-multipart-artifact-upload",
    FLAG,
    False,
    env=artifacts.NO_MULTIPART.env,
    help="Upload each artifact in one request.",
    job=variable.JobVariable(told=variable.WHEN_SET, place=51, reader=False),
)
ARTIFACT_CONCURRENCY = Option(
    "artifact-upload-concurrency",
    WHOLE,
    0,
    env=artifacts.CONCURRENCY.env,
    help="How many artifacts to upload at once; 0 for the default of artifact upload.",
    job=variable.JobVariable(told=variable.WHEN_SET, place=52, place_in_file=2, reader=False),
)
DISABLE_WARNINGS_FOR = Option(
    "disable-warnings-for",
    LIST,
    (),
    env=("BUILDKITE_AGENT_DISABLE_WARNINGS_FOR",),
    help="Ids of warnings to suppress.",
    job=variable.JobVariable(place=65, starts_job=True),
)
LEFTOVERS = Option(
    "leftovers",
    Choice("report", "end"),
    "report",
    env=("BKAGENT_LEFTOVERS",),
    help="What to do with processes that outlive their job: report (name them in the log) or end (kill them).",
)
CONTAINER_BINARY = Option(
    "container-binary",
    FILE_PATH,
    "",
    env=("BKAGENT_CONTAINER_BINARY",),
    help="Program that plugins mount into containers as buildkite-agent; by default a static one on PATH, else ours.",
    job=variable.JobVariable(told=variable.WHEN_SET, open_to=variable.NOBODY, starts_job=True),
)

COMPAT = compat.COMPAT

# Every one that is named above.
JOBS = (*(value for value in globals().copy().values() if isinstance(value, Option)), job.REDACTED_VARS)

# In this order what is required and missing is named.
START = (
    *logging.SHARED, logging.LOG_FORMAT, *session.SESSION, *checkout.CHECKOUT, *JOBS, api.TOKEN.required_as("token"),
    api.ENDPOINT, api.NO_HTTP2, api.DEBUG_HTTP, api.TRACE_HTTP, *job_logs.ALL, *agent_signing.ALL, *accepted.ACCEPTED,
)  # fmt: skip

# Options that other commands have as well, which need not know of jobs.
_SHARED = (
    variable.JobVariable(option=api.NO_HTTP2, place=8, reader=False),
    variable.JobVariable(option=logging.DEBUG, open_to=variable.NOBODY, place=9, starts_job=True),
    variable.JobVariable(option=api.DEBUG_HTTP, place=10, reader=False),
    variable.JobVariable(
        "BUILDKITE_CONFIG_PATH", option=session.CONFIG, open_to=variable.NOBODY, place=13, reader=False
    ),
    variable.JobVariable(option=SOCKETS_PATH, place=15, starts_job=True),
    variable.JobVariable(option=logging.EXPERIMENT, place=45, starts_job=True),
    variable.JobVariable(option=job.REDACTED_VARS, place=46, place_in_file=18, starts_job=True),
    variable.JobVariable(option=COMPAT, starts_job=True),
    variable.JobVariable(option=JOB_CONTEXT_PATH, told=variable.NEVER, open_to=variable.NOBODY, reader=False),
)
TOLD = (*(option.job for option in START if option.job is not None), *_SHARED)
