"""Options of `start` that say what its jobs may do and how they are run."""

import os

from bkagent.config.compat import COMPAT
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
    Kind,
)  # fmt: skip
from bkagent.config.option import Option
from bkagent.config.options import accepted, api, checkout, job, job_logs, kubernetes, logging, session, sockets
from bkagent.system import host

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping

SIGNALS = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGKILL", "SIGUSR1", "SIGUSR2", "SIGTERM")


class _SignalName(Kind):
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
    help="Folder of the checkouts; made when it is missing.",
)
HOOKS_PATH = Option("hooks-path", FILE_PATH, "", env=("BUILDKITE_HOOKS_PATH",), help="Folder of the agent's hooks.")
ADDITIONAL_HOOKS_PATHS = Option(
    "additional-hooks-paths",
    LIST,
    (),
    env=("BUILDKITE_ADDITIONAL_HOOKS_PATHS",),
    help="More folders of hooks.",
)
PLUGINS_PATH = Option(
    "plugins-path",
    FILE_PATH,
    "",
    env=("BUILDKITE_PLUGINS_PATH",),
    help="Folder of the plugins' checkouts.",
)
SOCKETS_PATH = sockets.SOCKETS_PATH
JOB_CONTEXT_PATH = kubernetes.JOB_CONTEXT_PATH
BOOTSTRAP_SCRIPT = Option(
    "bootstrap-script",
    COMMAND_PATH,
    "",
    env=("BUILDKITE_BOOTSTRAP_SCRIPT_PATH",),
    help="Command that runs a job in place of this program's own phases.",
)
SHELL = Option("shell", TEXT, default_shell, env=("BUILDKITE_SHELL",), help="Shell that runs the commands of jobs.")
HOOKS_SHELL = Option(
    "hooks-shell",
    TEXT,
    "",
    env=("BUILDKITE_HOOKS_SHELL",),
    help="Shell that runs hooks; chosen per hook when empty.",
)
CANCEL_GRACE_PERIOD = Option(
    "cancel-grace-period",
    WHOLE,
    10,
    env=("BUILDKITE_CANCEL_GRACE_PERIOD",),
    help="Seconds that a cancelled job has to end.",
)
SIGNAL_GRACE_PERIOD = Option(
    "signal-grace-period-seconds",
    WHOLE,
    -1,
    env=("BUILDKITE_SIGNAL_GRACE_PERIOD_SECONDS",),
    help="Seconds that a cancelled command has to end; below 0 it counts back from --cancel-grace-period.",
)
CANCEL_SIGNAL = Option(
    "cancel-signal",
    _SignalName("signal"),
    "SIGTERM",
    env=("BUILDKITE_CANCEL_SIGNAL",),
    help="Signal that asks a command to end.",
)
NO_ANSI_TIMESTAMPS = Option(
    "no-ansi-timestamps",
    FLAG,
    False,
    env=("BUILDKITE_NO_ANSI_TIMESTAMPS",),
    help="Put no time codes into logs.",
)
TIMESTAMP_LINES = Option(
    "timestamp-lines",
    FLAG,
    False,
    env=("BUILDKITE_TIMESTAMP_LINES",),
    help="Put the time before each line of logs; needs --no-ansi-timestamps.",
)
NO_PTY = Option("no-pty", FLAG, False, env=("BUILDKITE_NO_PTY",), help="Run commands without a terminal.")
NO_COMMAND_EVAL = Option(
    "no-command-eval",
    FLAG,
    False,
    env=("BUILDKITE_NO_COMMAND_EVAL",),
    help="Run scripts of the repository only.",
)
NO_PLUGINS = Option("no-plugins", FLAG, False, env=("BUILDKITE_NO_PLUGINS",), help="Refuse plugins.")
NO_PLUGIN_VALIDATION = Option(
    "no-plugin-validation",
    FLAG,
    True,
    env=("BUILDKITE_NO_PLUGIN_VALIDATION",),
    help="Do not check the configuration of plugins.",
)
PLUGINS_ALWAYS_CLONE_FRESH = Option(
    "plugins-always-clone-fresh",
    FLAG,
    False,
    env=("BUILDKITE_PLUGINS_ALWAYS_CLONE_FRESH",),
    help="Clone plugins anew for each job.",
)
NO_LOCAL_HOOKS = Option(
    "no-local-hooks",
    FLAG,
    False,
    env=("BUILDKITE_NO_LOCAL_HOOKS",),
    help="Run no hooks of the repository.",
)
STRICT_SINGLE_HOOKS = Option(
    "strict-single-hooks",
    FLAG,
    False,
    env=("BUILDKITE_STRICT_SINGLE_HOOKS",),
    help="Allow one checkout hook and one command hook at most.",
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
    help="Names of variables that jobs, the hooks of repositories and plugins may not set; * for any characters.",
)
PROTECT_GIT = Option(
    "protect-dangerous-git-environment-variables",
    CHECKED_FLAG,
    False,
    env=("BUILDKITE_PROTECT_DANGEROUS_GIT_ENVIRONMENT_VARIABLES",),
    help="Protect in this way every variable by which git runs a program, or takes a configuration or transport.",
)
NO_MULTIPART = Option(
    "no-multipart-artifact-upload",
    FLAG,
    False,
    env=("BUILDKITE_NO_MULTIPART_ARTIFACT_UPLOAD",),
    help="Upload each artifact in one request.",
)
ARTIFACT_CONCURRENCY = Option(
    "artifact-upload-concurrency",
    WHOLE,
    0,
    env=("BUILDKITE_ARTIFACT_UPLOAD_CONCURRENCY",),
    help="How many artifacts to upload at once; 0 leaves the choice to the upload.",
)
DISABLE_WARNINGS_FOR = Option(
    "disable-warnings-for",
    LIST,
    (),
    env=("BUILDKITE_AGENT_DISABLE_WARNINGS_FOR",),
    help="Warnings to leave out.",
)
LEFTOVERS = Option(
    "leftovers",
    Choice("report", "end"),
    "report",
    env=("BKAGENT_LEFTOVERS",),
    help="What to do with processes that outlive their job: report names them in the log, end ends them.",
)

JOBS = (
    BUILD_PATH, HOOKS_PATH, ADDITIONAL_HOOKS_PATHS, PLUGINS_PATH, SOCKETS_PATH, JOB_CONTEXT_PATH, BOOTSTRAP_SCRIPT,
    SHELL, HOOKS_SHELL, CANCEL_GRACE_PERIOD, SIGNAL_GRACE_PERIOD, CANCEL_SIGNAL, NO_ANSI_TIMESTAMPS, TIMESTAMP_LINES,
    NO_PTY, NO_COMMAND_EVAL, NO_PLUGINS, NO_PLUGIN_VALIDATION, PLUGINS_ALWAYS_CLONE_FRESH, NO_LOCAL_HOOKS,
    STRICT_SINGLE_HOOKS, ALLOWED_REPOSITORIES, ENABLE_VARIABLE_ALLOWLIST, ALLOWED_VARIABLES, ALLOWED_PLUGINS,
    PROTECTED_VARIABLES, PROTECT_GIT,
    job.REDACTED_VARS, NO_MULTIPART, ARTIFACT_CONCURRENCY, DISABLE_WARNINGS_FOR, LEFTOVERS, COMPAT,
)  # fmt: skip

# In this order what is required and missing is named.
START = (
    *logging.SHARED, logging.LOG_FORMAT, *session.SESSION, *checkout.CHECKOUT, *JOBS, api.TOKEN.required_as("token"),
    api.ENDPOINT, api.NO_HTTP2, api.DEBUG_HTTP, api.TRACE_HTTP, *job_logs.ALL, *accepted.ACCEPTED,
)  # fmt: skip
