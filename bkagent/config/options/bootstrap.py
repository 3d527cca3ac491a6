"""Options of `bootstrap`: what one job is. Each is also a variable of the job, and nearly always comes from there."""

from bkagent.config.kinds import DURATION, FILE_PATH, FLAG, TEXT, Suggested, ValueKind
from bkagent.config.option import Option
from bkagent.config.options import accepted, agent, checkout, job, logging, session
from bkagent.config.variables import build_variables
from bkagent.config.variables import job_variable as variable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Tuple

PHASE_NAMES = ("plugin", "checkout", "command")


class _Phases(ValueKind):
    """A list of phases, none for all of them."""

    __slots__ = ()
    repeats = True
    words = PHASE_NAMES

    def from_flag(self, text: str) -> object:
        names = [name.strip() for name in text.split(",") if name.strip()]
        if all(name in PHASE_NAMES for name in names):
            return names
        raise ValueError("a list of " + ", ".join(PHASE_NAMES))


COMMAND = Option(
    "command",
    TEXT,
    "",
    env=("BUILDKITE_COMMAND",),
    help="Command that the job runs.",
    job=variable.JobVariable(told=variable.NEVER, starts_job=True),
)
REPOSITORY = Option(
    "repository",
    TEXT,
    "",
    env=("BUILDKITE_REPO",),
    required="repository",
    help="Repository to check out.",
    job=variable.JobVariable(
        told=variable.NEVER, open_to=variable.NO_SECRET, starts_job=True, field="repository", follows_hooks=True
    ),
)
COMMIT = Option(
    "commit",
    TEXT,
    "",
    env=(build_variables.COMMIT,),
    required="commit",
    help="Commit or ref to check out.",
    job=variable.JobVariable(told=variable.NEVER, starts_job=True, field="commit"),
)
BRANCH = Option(
    "branch",
    TEXT,
    "",
    env=("BUILDKITE_BRANCH",),
    required="branch",
    help="Branch of the commit.",
    job=variable.JobVariable(told=variable.NEVER, starts_job=True, field="branch"),
)
TAG = Option(
    "tag",
    TEXT,
    "",
    env=("BUILDKITE_TAG",),
    help="Tag of the build.",
    job=variable.JobVariable(told=variable.NEVER, field="tag"),
)
REFSPEC = Option(
    "refspec",
    TEXT,
    "",
    env=("BUILDKITE_REFSPEC",),
    help="Refspec to fetch instead of the commit.",
    job=variable.JobVariable(told=variable.NEVER, open_to=variable.NO_SECRET, field="refspec", follows_hooks=True),
)
PLUGINS = Option(
    "plugins",
    TEXT,
    "",
    env=("BUILDKITE_PLUGINS",),
    help="Plugins of the step, as JSON.",
    job=variable.JobVariable(told=variable.NEVER, starts_job=True),
)
SECRETS = Option(
    "secrets",
    TEXT,
    "",
    env=("BUILDKITE_SECRETS_CONFIG",),
    help="Secrets to fetch, as JSON.",
    job=variable.JobVariable(told=variable.AS_GIVEN, place=5, starts_job=True),
)
PULL_REQUEST = Option(
    "pullrequest",
    TEXT,
    "",
    env=("BUILDKITE_PULL_REQUEST",),
    help='Number of the pull request, or "false".',
    job=variable.JobVariable(told=variable.NEVER, field="pull_request", default="false"),
)
PULL_REQUEST_MERGE = Option(
    "pull-request-using-merge-refspec",
    FLAG,
    False,
    env=("BUILDKITE_PULL_REQUEST_USING_MERGE_REFSPEC",),
    help="Check out the provider's merge commit of the pull request.",
    job=variable.JobVariable(told=variable.NEVER, field="uses_merge_refspec"),
)
AGENT = Option(
    "agent",
    TEXT,
    "",
    env=session.NAME.env,
    required="agent",
    help="Name of the agent.",
    job=variable.JobVariable(told=variable.NEVER, starts_job=True),
)
QUEUE = Option(
    "queue",
    TEXT,
    "",
    env=("BUILDKITE_AGENT_META_DATA_QUEUE",),
    help="Queue that the job was taken from.",
    job=variable.JobVariable(told=variable.NEVER),
)
ORGANIZATION = Option(
    "organization",
    TEXT,
    "",
    env=("BUILDKITE_ORGANIZATION_SLUG",),
    required="organization",
    help="Slug of the organization.",
    job=variable.JobVariable(told=variable.NEVER, starts_job=True),
)
PIPELINE = Option(
    "pipeline",
    TEXT,
    "",
    env=("BUILDKITE_PIPELINE_SLUG",),
    required="pipeline",
    help="Slug of the pipeline.",
    job=variable.JobVariable(told=variable.NEVER, starts_job=True, field="pipeline"),
)
PROVIDER = Option(
    "pipeline-provider",
    TEXT,
    "",
    env=("BUILDKITE_PIPELINE_PROVIDER",),
    required="pipeline-provider",
    help="Provider that hosts the repository, such as github or git.",
    job=variable.JobVariable(told=variable.NEVER, starts_job=True, field="provider"),
)
ARTIFACT_PATHS = Option(
    "artifact-upload-paths",
    TEXT,
    "",
    env=("BUILDKITE_ARTIFACT_PATHS",),
    help="Files to upload after the command.",
    job=variable.JobVariable(
        told=variable.NEVER, open_to=variable.NO_SECRET, field="artifact_paths", follows_hooks=True
    ),
)
ARTIFACT_DESTINATION = Option(
    "artifact-upload-destination",
    TEXT,
    "",
    env=(job.ARTIFACT_DESTINATION_VARIABLE,),
    help="Where artifacts are uploaded; the control plane's own storage if empty.",
    job=variable.JobVariable(
        told=variable.NEVER, open_to=variable.NO_SECRET, field="artifact_destination", follows_hooks=True
    ),
)
CLEAN_CHECKOUT = Option(
    "clean-checkout",
    FLAG,
    False,
    env=("BUILDKITE_CLEAN_CHECKOUT",),
    help="Remove the existing checkout first.",
    job=variable.JobVariable(told=variable.NEVER, field="clean_first", follows_hooks=True),
)
GIT_SSH_KEY = Option(
    "git-ssh-key",
    TEXT,
    "",
    env=("BUILDKITE_GIT_SSH_KEY",),
    secret=True,
    help="Key for the repository's SSH server.",
    job=variable.JobVariable(told=variable.NEVER, field="ssh_key", follows_hooks=True),
)
GIT_REMOTE_MIRROR = Option(
    "git-remote-mirror-url",
    TEXT,
    "",
    env=("BUILDKITE_GIT_REMOTE_MIRROR_URL",),
    help="Mirror to clone from.",
    job=variable.JobVariable(told=variable.NEVER, open_to=variable.NOBODY, field="remote_mirror"),
)
BIN_PATH = Option(
    "bin-path",
    FILE_PATH,
    "",
    env=("BUILDKITE_BIN_PATH",),
    help="Folder of the agent's commands.",
    job=variable.JobVariable(told=variable.AS_GIVEN, open_to=variable.NOBODY, place=12),
)
GIT_LFS = Option(
    "git-lfs-enabled",
    FLAG,
    False,
    env=("BUILDKITE_GIT_LFS_ENABLED",),
    help="Fetch files stored with Git LFS.",
    job=variable.JobVariable(told=variable.NEVER, field="lfs", follows_hooks=True),
)
PHASES = Option(
    "phases",
    _Phases("phases"),
    (),
    env=("BUILDKITE_BOOTSTRAP_PHASES",),
    help="Phases to run: plugin, checkout, command; all if empty.",
    job=variable.JobVariable(told=variable.NEVER, starts_job=True),
)
NO_JOB_API = Option(
    "no-job-api",
    FLAG,
    False,
    env=("BUILDKITE_AGENT_NO_JOB_API",),
    help="Do not offer the Job API, the job's local socket.",
    job=variable.JobVariable(told=variable.NEVER, starts_job=True),
)

_NOT_YET = "Accepted for compatibility; has no effect in this release."
_SERVICE = "buildkite-agent"
_ENV_OF_START = {option.name: option.env for option in accepted.IGNORED}


def _ignored(name: str, kind: ValueKind, default: object, env: "Tuple[str, ...]" = ()) -> Option:
    return Option(name, kind, default, env=env or _ENV_OF_START[name], help=_NOT_YET)


TELEMETRY = (
    _ignored("tracing-backend", Suggested("", "datadog", "opentelemetry"), ""),
    _ignored("tracing-service-name", TEXT, _SERVICE),
    _ignored("tracing-traceparent", TEXT, "", ("BUILDKITE_TRACING_TRACEPARENT",)),
    _ignored("tracing-tracestate", TEXT, "", ("BUILDKITE_TRACING_TRACESTATE",)),
    _ignored("tracing-propagate-traceparent", FLAG, False),
    _ignored("job-logs-otlp", FLAG, False),
    _ignored("opentelemetry-tracing", FLAG, False),
    _ignored("telemetry-service-name", TEXT, _SERVICE),
    _ignored("cancel-signal-timeout", DURATION, 10.0),
    _ignored("cancel-cleanup-timeout", DURATION, 5.0),
)

PULL_REQUEST_HEAD = Option(
    "pull-request-head-commit",
    TEXT,
    "",
    env=("BUILDKITE_PULL_REQUEST_HEAD_COMMIT",),
    help=_NOT_YET,
    job=variable.JobVariable(told=variable.NEVER, field="pull_request_head"),
)


def _reader(option: Option) -> Option:
    assert option.job is not None and option.job.reader is not None
    return option.job.reader


# How a job reads what `start` has under another name, or requires.
BUILD_PATH = _reader(agent.BUILD_PATH)
COMMAND_EVAL = _reader(agent.NO_COMMAND_EVAL)
PLUGINS_ENABLED = _reader(agent.NO_PLUGINS)
PLUGIN_VALIDATION = _reader(agent.NO_PLUGIN_VALIDATION)
LOCAL_HOOKS_ENABLED = _reader(agent.NO_LOCAL_HOOKS)
PTY = _reader(agent.NO_PTY)
SSH_KEYSCAN = _reader(checkout.NO_SSH_KEYSCAN)
GIT_SUBMODULES = _reader(checkout.NO_GIT_SUBMODULES)
_OF_THE_JOB = tuple(value for value in globals().copy().values() if isinstance(value, Option))
# What comes with a job, without what the agent tells it.
BROUGHT = tuple(option.job for option in _OF_THE_JOB if option.job is not None)


def _readers(starts_job: bool) -> "Tuple[Option, ...]":
    rows = (*BROUGHT, *agent.TOLD)
    return tuple(row.reader for row in rows if row.reader is not None and row.starts_job is starts_job)


# What the job's own process acts on; the rest is read where it is used, after hooks may have changed it.
JOB = (job.JOB, *_readers(True))
BOOTSTRAP = (*JOB, *_readers(False), *TELEMETRY, logging.NO_COLOR, logging.LOG_LEVEL, logging.PROFILE)
