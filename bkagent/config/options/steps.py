"""Options of the commands about steps of a build."""

from bkagent.config.kinds import FLAG, TEXT, WHOLE, Suggested
from bkagent.config.option import Option
from bkagent.config.options.job import BUILD_ID, CANCEL_GRACE_PERIOD_VARIABLE

STEP = Option(
    "step",
    TEXT,
    "",
    env=("BUILDKITE_STEP_ID",),
    help="Id or key of the step.",
    required="step",
)
BUILD = Option(
    "build",
    TEXT,
    "",
    env=(BUILD_ID,),
    help="Build of the step; required if the step is given by its key.",
)
HIDDEN_BUILD = Option("build", TEXT, "", env=BUILD.env, help=BUILD.help, hidden=True)
GET_FORMAT = Option(
    "format",
    Suggested("", "json"),
    "",
    env=("BUILDKITE_STEP_GET_FORMAT",),
    help="Output format: empty for plain text, or json.",
)
APPEND = Option(
    "append",
    FLAG,
    False,
    env=("BUILDKITE_STEP_UPDATE_APPEND",),
    help="Append to the existing value.",
)
FORCE = Option(
    "force",
    FLAG,
    False,
    env=("BUILDKITE_STEP_CANCEL_FORCE",),
    help="Mark jobs as cancelled without waiting for their agents.",
)
FORCE_GRACE_PERIOD = Option(
    "force-grace-period-seconds",
    WHOLE,
    10,
    env=("BUILDKITE_STEP_CANCEL_FORCE_GRACE_PERIOD_SECONDS", CANCEL_GRACE_PERIOD_VARIABLE),
    help="Seconds to wait before --force takes effect.",
)
