"""Options of the commands about steps of a build."""

from bkagent.config.kinds import FLAG, TEXT, WHOLE, Suggested
from bkagent.config.option import Option

STEP = Option(
    "step",
    TEXT,
    "",
    env=("BUILDKITE_STEP_ID",),
    help="Step that is meant, by its id or its key.",
    required="step",
)
BUILD = Option(
    "build",
    TEXT,
    "",
    env=("BUILDKITE_BUILD_ID",),
    help="Build of the step; needed where the step is named by its key.",
)
HIDDEN_BUILD = Option("build", TEXT, "", env=BUILD.env, help=BUILD.help, hidden=True)
GET_FORMAT = Option(
    "format",
    Suggested("", "json"),
    "",
    env=("BUILDKITE_STEP_GET_FORMAT",),
    help="How to print it: empty for plain text, or json.",
)
APPEND = Option(
    "append",
    FLAG,
    False,
    env=("BUILDKITE_STEP_UPDATE_APPEND",),
    help="Add to the value that is there.",
)
FORCE = Option(
    "force",
    FLAG,
    False,
    env=("BUILDKITE_STEP_CANCEL_FORCE",),
    help="Count jobs as cancelled without waiting for what their agents still do.",
)
FORCE_GRACE_PERIOD = Option(
    "force-grace-period-seconds",
    WHOLE,
    10,
    env=("BUILDKITE_STEP_CANCEL_FORCE_GRACE_PERIOD_SECONDS", "BUILDKITE_CANCEL_GRACE_PERIOD"),
    help="Seconds that --force waits first.",
)
