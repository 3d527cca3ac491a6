"""Options of `bootstrap`: what one job is. Each is also a variable of the job, and nearly always comes from there."""

from bkagent.config.compat import COMPAT
from bkagent.config.kinds import DURATION, FILE_PATH, FLAG, LIST, TEXT, Kind, Suggested
from bkagent.config.option import Option
from bkagent.config.options import accepted, agent, checkout, job, logging

PHASE_NAMES = ("plugin", "checkout", "command")


class _Phases(Kind):
    """A list of phases, none for all of them."""

    __slots__ = ()
    repeats = True
    words = PHASE_NAMES

    def from_flag(self, text: str) -> object:
        names = [name.strip() for name in text.split(",") if name.strip()]
        if all(name in PHASE_NAMES for name in names):
            return names
        raise ValueError("a list of " + ", ".join(PHASE_NAMES))


COMMAND = Option("command", TEXT, "", env=("BUILDKITE_COMMAND",), help="What the job runs.")
REPOSITORY = Option(
    "repository",
    TEXT,
    "",
    env=("BUILDKITE_REPO",),
    required="repository",
    help="Where the code is cloned from.",
)
COMMIT = Option("commit", TEXT, "", env=("BUILDKITE_COMMIT",), required="commit", help="Commit or ref to check out.")
BRANCH = Option("branch", TEXT, "", env=("BUILDKITE_BRANCH",), required="branch", help="Branch of the commit.")
TAG = Option("tag", TEXT, "", env=("BUILDKITE_TAG",), help="Tag of the build.")
REFSPEC = Option("refspec", TEXT, "", env=("BUILDKITE_REFSPEC",), help="What to fetch in place of the commit.")
PLUGINS = Option("plugins", TEXT, "", env=("BUILDKITE_PLUGINS",), help="Plugins of the step, as JSON.")
SECRETS = Option("secrets", TEXT, "", env=("BUILDKITE_SECRETS_CONFIG",), help="Secrets to fetch, as JSON.")
PULL_REQUEST = Option(
    "pullrequest",
    TEXT,
    "",
    env=("BUILDKITE_PULL_REQUEST",),
    help='Number of the pull request, or "false".',
)
PULL_REQUEST_MERGE = Option(
    "pull-request-using-merge-refspec",
    FLAG,
    False,
    env=("BUILDKITE_PULL_REQUEST_USING_MERGE_REFSPEC",),
    help="Check out the merge that the provider made of the pull request.",
)
AGENT = Option("agent", TEXT, "", env=("BUILDKITE_AGENT_NAME",), required="agent", help="Name of the agent.")
QUEUE = Option("queue", TEXT, "", env=("BUILDKITE_AGENT_META_DATA_QUEUE",), help="Queue the job came from.")
ORGANIZATION = Option(
    "organization",
    TEXT,
    "",
    env=("BUILDKITE_ORGANIZATION_SLUG",),
    required="organization",
    help="Slug of the organization.",
)
PIPELINE = Option(
    "pipeline",
    TEXT,
    "",
    env=("BUILDKITE_PIPELINE_SLUG",),
    required="pipeline",
    help="Slug of the pipeline.",
)
PROVIDER = Option(
    "pipeline-provider",
    TEXT,
    "",
    env=("BUILDKITE_PIPELINE_PROVIDER",),
    required="pipeline-provider",
    help="Who hosts the repository, such as github or git.",
)
ARTIFACT_PATHS = Option(
    "artifact-upload-paths",
    TEXT,
    "",
    env=("BUILDKITE_ARTIFACT_PATHS",),
    help="Files to upload after the command.",
)
ARTIFACT_DESTINATION = Option(
    "artifact-upload-destination",
    TEXT,
    "",
    env=("BUILDKITE_ARTIFACT_UPLOAD_DESTINATION",),
    help="Where artifacts go; to the control plane's own storage when empty.",
)
CLEAN_CHECKOUT = Option(
    "clean-checkout",
    FLAG,
    False,
    env=("BUILDKITE_CLEAN_CHECKOUT",),
    help="Remove the checkout first.",
)
GIT_SSH_KEY = Option(
    "git-ssh-key",
    TEXT,
    "",
    env=("BUILDKITE_GIT_SSH_KEY",),
    secret=True,
    help="Key for the repository's SSH server.",
)
GIT_REMOTE_MIRROR = Option(
    "git-remote-mirror-url",
    TEXT,
    "",
    env=("BUILDKITE_GIT_REMOTE_MIRROR_URL",),
    help="A mirror to clone from.",
)
BIN_PATH = Option("bin-path", FILE_PATH, "", env=("BUILDKITE_BIN_PATH",), help="Folder of the agent's commands.")
BUILD_PATH = Option("build-path", FILE_PATH, "", env=("BUILDKITE_BUILD_PATH",), help="Folder of the checkouts.")
COMMAND_EVAL = Option(
    "command-eval",
    FLAG,
    True,
    env=("BUILDKITE_COMMAND_EVAL",),
    help="Run command lines; else only scripts.",
)
PLUGINS_ENABLED = Option("plugins-enabled", FLAG, True, env=("BUILDKITE_PLUGINS_ENABLED",), help="Run plugins.")
PLUGIN_VALIDATION = Option(
    "plugin-validation",
    FLAG,
    False,
    env=("BUILDKITE_PLUGIN_VALIDATION",),
    help="Check plugins' configuration.",
)
LOCAL_HOOKS_ENABLED = Option(
    "local-hooks-enabled",
    FLAG,
    True,
    env=("BUILDKITE_LOCAL_HOOKS_ENABLED",),
    help="Run hooks of the repository.",
)
SSH_KEYSCAN = Option(
    "ssh-keyscan",
    FLAG,
    True,
    env=("BUILDKITE_SSH_KEYSCAN",),
    help="Ask servers for their keys before a checkout.",
)
GIT_SUBMODULES = Option(
    "git-submodules",
    FLAG,
    True,
    env=("BUILDKITE_GIT_SUBMODULES",),
    help="Check out submodules too.",
)
GIT_LFS = Option("git-lfs-enabled", FLAG, False, env=("BUILDKITE_GIT_LFS_ENABLED",), help="Fetch files kept by LFS.")
PTY = Option("pty", FLAG, True, env=("BUILDKITE_PTY",), help="Run commands under a terminal.")
PHASES = Option(
    "phases",
    _Phases("phases"),
    (),
    env=("BUILDKITE_BOOTSTRAP_PHASES",),
    help="Phases to run, out of plugin, checkout and command; all of them when empty.",
)
NO_JOB_API = Option(
    "no-job-api",
    FLAG,
    False,
    env=("BUILDKITE_AGENT_NO_JOB_API",),
    help="Give the job no local socket.",
)

_NOT_YET = "Accepted for compatibility; has no effect in this release."
_SERVICE = "buildkite-agent"
_TELEMETRY = tuple(
    Option(name, kind, default, env=("BUILDKITE_" + variable,), help=_NOT_YET)
    for name, kind, default, variable in (
        ("tracing-backend", Suggested("", "datadog", "opentelemetry"), "", "TRACING_BACKEND"),
        ("tracing-service-name", TEXT, _SERVICE, "TRACING_SERVICE_NAME"),
        ("tracing-traceparent", TEXT, "", "TRACING_TRACEPARENT"),
        ("tracing-tracestate", TEXT, "", "TRACING_TRACESTATE"),
        ("tracing-propagate-traceparent", FLAG, False, "TRACING_PROPAGATE_TRACEPARENT"),
        ("job-logs-otlp", FLAG, False, "JOB_LOGS_OTLP"),
        ("opentelemetry-tracing", FLAG, False, "OPENTELEMETRY_TRACING"),
        ("telemetry-service-name", TEXT, _SERVICE, "TELEMETRY_SERVICE_NAME"),
        ("cancel-signal-timeout", DURATION, 10.0, "CANCEL_SIGNAL_TIMEOUT"),
        ("cancel-cleanup-timeout", DURATION, 5.0, "CANCEL_CLEANUP_TIMEOUT"),
        ("pull-request-head-commit", TEXT, "", "PULL_REQUEST_HEAD_COMMIT"),
    )
)

# As `start` has them, but for what is no business of this command: whether the words are legal, how lists are split.
GIT_COMMIT_VERIFICATION = Option(
    "git-commit-verification",
    Suggested(*checkout.VERIFICATION_MODES),
    "",
    env=checkout.GIT_COMMIT_VERIFICATION.env,
    help=checkout.GIT_COMMIT_VERIFICATION.help,
)
GIT_SUBMODULE_CLONE_CONFIG = Option(
    "git-submodule-clone-config",
    LIST,
    (),
    env=checkout.GIT_SUBMODULE_CLONE_CONFIG.env,
    help=checkout.GIT_SUBMODULE_CLONE_CONFIG.help,
)

# What the job's own process acts on; the rest is read where it is used, after hooks may have changed it.
JOB = (
    job.JOB, COMMAND, REPOSITORY, COMMIT, BRANCH, AGENT, ORGANIZATION, PIPELINE, PROVIDER, PLUGINS, SECRETS, BUILD_PATH,
    agent.HOOKS_PATH, agent.ADDITIONAL_HOOKS_PATHS, agent.PLUGINS_PATH, agent.SOCKETS_PATH, COMMAND_EVAL,
    PLUGINS_ENABLED, PLUGIN_VALIDATION, agent.STRICT_SINGLE_HOOKS, LOCAL_HOOKS_ENABLED, PTY, agent.SHELL, PHASES,
    NO_JOB_API, agent.DISABLE_WARNINGS_FOR, agent.CANCEL_SIGNAL, agent.CANCEL_GRACE_PERIOD, agent.SIGNAL_GRACE_PERIOD,
    logging.DEBUG, logging.EXPERIMENT, job.REDACTED_VARS, agent.PROTECTED_VARIABLES, agent.PROTECT_GIT, COMPAT,
)  # fmt: skip

BOOTSTRAP = (
    *JOB, TAG, REFSPEC, PULL_REQUEST, PULL_REQUEST_MERGE, QUEUE, ARTIFACT_PATHS, ARTIFACT_DESTINATION, CLEAN_CHECKOUT,
    checkout.SKIP_CHECKOUT, checkout.OVERRIDE_MODE, checkout.GIT_CHECKOUT_FLAGS, checkout.GIT_CLONE_FLAGS,
    checkout.GIT_CLONE_MIRROR_FLAGS, checkout.GIT_CLEAN_FLAGS, GIT_COMMIT_VERIFICATION,
    checkout.GIT_FETCH_FLAGS, checkout.GIT_SPARSE_CHECKOUT_PATHS, checkout.GIT_SPARSE_CHECKOUT_MODE, GIT_SSH_KEY,
    GIT_REMOTE_MIRROR, checkout.GIT_MIRRORS_PATH, checkout.GIT_MIRROR_CHECKOUT_MODE, checkout.GIT_MIRRORS_LOCK_TIMEOUT,
    checkout.GIT_MIRRORS_SKIP_UPDATE, GIT_SUBMODULE_CLONE_CONFIG, checkout.GIT_CHECKOUT_TIMEOUT,
    checkout.GIT_SKIP_FETCH_EXISTING_COMMITS, checkout.CHECKOUT_ATTEMPTS, BIN_PATH,
    agent.PLUGINS_ALWAYS_CLONE_FRESH, SSH_KEYSCAN, GIT_SUBMODULES, GIT_LFS, agent.HOOKS_SHELL, *_TELEMETRY,
    accepted.TRACE_CONTEXT_ENCODING, logging.NO_COLOR, logging.LOG_LEVEL, logging.PROFILE,
)  # fmt: skip
