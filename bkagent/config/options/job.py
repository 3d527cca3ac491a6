"""Options that name the job, step or build a command is about, and what must not be seen of it."""

from bkagent.config.kinds import LIST, TEXT
from bkagent.config.option import Option

DEFAULT_REDACTED_VARS = (
    "*_PASSWORD", "*_SECRET", "*_TOKEN", "*_PRIVATE_KEY", "*_SSH_KEY",
    "*_ACCESS_KEY", "*_SECRET_KEY", "*_CONNECTION_STRING", "*_API_KEY",
)  # fmt: skip

# What several commands read, each by a row of its own.
BUILD_ID = "BUILDKITE_BUILD_ID"
CANCEL_GRACE_PERIOD_VARIABLE = "BUILDKITE_CANCEL_GRACE_PERIOD"
ARTIFACT_DESTINATION_VARIABLE = "BUILDKITE_ARTIFACT_UPLOAD_DESTINATION"
ENV_FILE_VARIABLE = "BUILDKITE_ENV_FILE"
AGENT_NAME_VARIABLE = "BUILDKITE_AGENT_NAME"

JOB = Option("job", TEXT, "", env=("BUILDKITE_JOB_ID",), help="Job that the command is about.", required="job")
REDACTED_VARS = Option(
    "redacted-vars",
    LIST,
    DEFAULT_REDACTED_VARS,
    env=("BUILDKITE_REDACTED_VARS",),
    help="Patterns of the names of variables whose values are redacted.",
)
