"""Options of annotations: notes on a build's page."""

from bkagent.config.kinds import FLAG, TEXT, WHOLE, Suggested
from bkagent.config.option import Option

CONTEXT = Option(
    "context",
    TEXT,
    "",
    env=("BUILDKITE_ANNOTATION_CONTEXT",),
    help="Name that identifies the annotation within its build; at most 100 characters.",
)
STYLE = Option(
    "style",
    Suggested("success", "info", "warning", "error"),
    "",
    env=("BUILDKITE_ANNOTATION_STYLE",),
    help="Style: success, info, warning or error.",
)
APPEND = Option(
    "append",
    FLAG,
    False,
    env=("BUILDKITE_ANNOTATION_APPEND",),
    help="Append to the body of the annotation of that context instead of replacing it.",
)
PRIORITY = Option(
    "priority",
    WHOLE,
    3,
    env=("BUILDKITE_ANNOTATION_PRIORITY",),
    help="1 to 10; those with 10 are shown first.",
)
SCOPE = Option(
    "scope",
    Suggested("build", "job"),
    "build",
    env=("BUILDKITE_ANNOTATION_SCOPE",),
    help="Page it is shown on: build or job.",
)
REMOVED_CONTEXT = Option(
    "context", TEXT, "default", env=CONTEXT.env, help="Name of the annotation to remove.", required="context"
)
