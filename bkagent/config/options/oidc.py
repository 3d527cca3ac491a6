"""Options of `oidc request-token`."""

from bkagent.config.kinds import FLAG, LIST, TEXT, WHOLE, Suggested
from bkagent.config.option import Option

AUDIENCE = Option("audience", TEXT, "", help="Whom the token is for; empty leaves it to the control plane.")
LIFETIME = Option("lifetime", WHOLE, 0, help="Seconds that the token is good for; 0 leaves it to the control plane.")
SUBJECT_CLAIM = Option(
    "subject-claim",
    TEXT,
    "",
    env=("BUILDKITE_OIDC_TOKEN_SUBJECT_CLAIM",),
    help="Claim that becomes the subject.",
)
CLAIM = Option(
    "claim",
    LIST,
    (),
    env=("BUILDKITE_OIDC_TOKEN_CLAIMS",),
    help="More claims to put into the token; repeat the flag or separate them with commas.",
)
AWS_SESSION_TAG = Option(
    "aws-session-tag",
    LIST,
    (),
    env=("BUILDKITE_OIDC_TOKEN_AWS_SESSION_TAGS",),
    help="Claims that AWS is to take for tags of the session.",
)
SKIP_REDACTION = Option(
    "skip-redaction",
    FLAG,
    False,
    env=("BUILDKITE_AGENT_OIDC_REQUEST_TOKEN_SKIP_TOKEN_REDACTION",),
    help="Print the token without keeping it out of the job's log.",
)
FORMAT = Option(
    "format",
    Suggested("jwt", "gcp"),
    "jwt",
    help="What is printed: jwt, the token itself, or gcp, the JSON that Google Cloud's libraries read.",
)
