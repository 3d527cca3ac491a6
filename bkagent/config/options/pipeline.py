"""Options of `pipeline upload`."""

from bkagent.config.kinds import FLAG, TEXT, Suggested
from bkagent.config.option import Option
from bkagent.config.options import job

REPLACE = Option(
    "replace",
    FLAG,
    False,
    env=("BUILDKITE_PIPELINE_REPLACE",),
    help="Replace the steps of the build that have not run yet.",
)
JOB = Option(
    "job",
    TEXT,
    "",
    env=job.JOB.env,
    help="Job whose build gets the steps; required unless --dry-run.",
)
DRY_RUN = Option(
    "dry-run",
    FLAG,
    False,
    env=("BUILDKITE_PIPELINE_UPLOAD_DRY_RUN",),
    help="Print the pipeline and upload nothing.",
)
FORMAT = Option(
    "format",
    Suggested("json", "yaml"),
    "json",
    env=("BUILDKITE_PIPELINE_UPLOAD_DRY_RUN_FORMAT",),
    help="Output format of --dry-run: json or yaml.",
)
NO_INTERPOLATION = Option(
    "no-interpolation",
    FLAG,
    False,
    env=("BUILDKITE_PIPELINE_NO_INTERPOLATION",),
    help="Do not interpolate variables into the pipeline.",
)
REJECT_SECRETS = Option(
    "reject-secrets",
    FLAG,
    False,
    env=("BUILDKITE_AGENT_PIPELINE_UPLOAD_REJECT_SECRETS",),
    help="Refuse to upload a pipeline that contains values of secret variables.",
)
ALLOW_SECRETS = Option(
    "allow-secrets",
    FLAG,
    False,
    env=("BUILDKITE_AGENT_PIPELINE_UPLOAD_ALLOW_SECRETS",),
    help="Only warn of secrets; the default unless --reject-secrets is set.",
)
REJECT_PARSE_WARNINGS = Option(
    "reject-parse-warnings",
    FLAG,
    False,
    env=("BUILDKITE_AGENT_PIPELINE_UPLOAD_REJECT_PARSE_WARNINGS",),
    help="Refuse to upload a pipeline that was parsed with warnings.",
)
APPLY_IF_CHANGED = Option(
    "apply-if-changed",
    FLAG,
    True,
    env=("BUILDKITE_AGENT_APPLY_IF_CHANGED", "BUILDKITE_AGENT_APPLY_SKIP_IF_UNCHANGED"),
    help="Skip steps by if_changed; with =false only remove the attribute.",
)
GIT_DIFF_BASE = Option(
    "git-diff-base",
    TEXT,
    "",
    env=("BUILDKITE_GIT_DIFF_BASE",),
    help="Commit or branch to compare with for changed files; if empty, the pull request's base or the default branch.",
)
FETCH_DIFF_BASE = Option(
    "fetch-diff-base",
    FLAG,
    False,
    env=("BUILDKITE_FETCH_DIFF_BASE",),
    help="Fetch the diff base first.",
)
CHANGED_FILES = Option(
    "changed-files-path",
    TEXT,
    "",
    env=("BUILDKITE_CHANGED_FILES_PATH",),
    help="File that lists the changed paths, one a line, instead of running git diff.",
)
JWKS_FILE = Option(
    "jwks-file",
    TEXT,
    "",
    env=("BUILDKITE_AGENT_JWKS_FILE",),
    help="File with the JSON Web Key Set by which each command step is signed.",
)
JWKS_KEY = Option(
    "jwks-key-id",
    TEXT,
    "",
    env=("BUILDKITE_AGENT_JWKS_KEY_ID",),
    help="Id of the key in that set to sign with; may be left out if it has a single key.",
)
AWS_KMS_KEY = Option(
    "signing-aws-kms-key",
    TEXT,
    "",
    env=("BUILDKITE_AGENT_AWS_KMS_KEY",),
    help="Key of AWS KMS to sign steps with: its id, alias or ARN.",
)
GCP_KMS_KEY = Option(
    "signing-gcp-kms-key",
    TEXT,
    "",
    env=("BUILDKITE_AGENT_GCP_KMS_KEY",),
    help="Key of Google Cloud KMS to sign steps with: the resource name of a version of it.",
)
DEBUG_SIGNING = Option(
    "debug-signing",
    FLAG,
    False,
    env=("BUILDKITE_AGENT_DEBUG_SIGNING",),
    help="With --debug, log the content that is signed. It may have secrets in it.",
)

KEY_SERVICES = (AWS_KMS_KEY, GCP_KMS_KEY)
SIGNING = (JWKS_FILE, JWKS_KEY, *KEY_SERVICES)
UPLOAD = (
    REPLACE, JOB, DRY_RUN, FORMAT, NO_INTERPOLATION, REJECT_SECRETS, REJECT_PARSE_WARNINGS, APPLY_IF_CHANGED,
    GIT_DIFF_BASE, FETCH_DIFF_BASE, CHANGED_FILES, *SIGNING, DEBUG_SIGNING,
    ALLOW_SECRETS,
)  # fmt: skip
