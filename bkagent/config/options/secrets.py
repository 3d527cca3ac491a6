"""Options of `secret get`."""

from bkagent.config.kinds import FLAG, Suggested
from bkagent.config.option import Option

FORMAT = Option(
    "format",
    Suggested("default", "json", "env"),
    "default",
    env=("BUILDKITE_AGENT_SECRET_GET_FORMAT",),
    help="Output format: default (the bare value of one secret, JSON for several), json, or env (NAME='value' lines).",
)
SKIP_REDACTION = Option(
    "skip-redaction",
    FLAG,
    False,
    env=("BUILDKITE_AGENT_SECRET_GET_SKIP_SECRET_REDACTION",),
    help="Print the values without redacting them in the job's log.",
)
