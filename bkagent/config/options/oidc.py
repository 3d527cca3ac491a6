"""Options of `oidc request-token`."""

from bkagent.config.kinds import FLAG, LIST, TEXT, WHOLE, Suggested
from bkagent.config.option import Option

AUDIENCE = Option("audience", TEXT, "", help="Audience of the token; if empty, the control plane's default.")
LIFETIME = Option("lifetime", WHOLE, 0, help="Seconds that the token is valid; 0 for the control plane's default.")
SUBJECT_CLAIM = Option(
    "subject-claim",
    TEXT,
    "",
    env=("BUILDKITE_OIDC_TOKEN_SUBJECT_CLAIM",),
    help="Claim to use as the subject.",
)
CLAIM = Option(
    "claim",
    LIST,
    (),
    env=("BUILDKITE_OIDC_TOKEN_CLAIMS",),
    help="Further claims of the token; repeat the flag or separate them with commas.",
)
AWS_SESSION_TAG = Option(
    "aws-session-tag",
    LIST,
    (),
    env=("BUILDKITE_OIDC_TOKEN_AWS_SESSION_TAGS",),
    help="Claims to use as AWS session tags; repeat the flag or separate them with commas.",
)
SKIP_REDACTION = Option(
    "skip-redaction",
    FLAG,
    False,
    env=("BUILDKITE_AGENT_OIDC_REQUEST_TOKEN_SKIP_TOKEN_REDACTION",),
    help="Print the token without redacting it in the job's log.",
)
FORMAT = Option(
    "format",
    Suggested("jwt", "gcp"),
    "jwt",
    help="Output format: jwt (the token itself) or gcp (the JSON that Google Cloud's libraries read).",
)
