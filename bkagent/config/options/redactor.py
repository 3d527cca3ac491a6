"""Options of `redactor add`."""

from bkagent.config.kinds import FLAG, ITEMS, Suggested
from bkagent.config.option import Option
from bkagent.config.options import job

FORMAT = Option(
    "format",
    Suggested("json", "none"),
    "none",
    env=("BUILDKITE_AGENT_REDACT_ADD_FORMAT",),
    help="Input format: none (a single secret) or json (an object whose values are secrets).",
)
APPLY_VARS_FILTER = Option(
    "apply-vars-filter",
    FLAG,
    False,
    env=("BUILDKITE_AGENT_REDACT_VARS_FILTER",),
    help="With --format json, add only values of six bytes or more whose names match --redacted-vars.",
)
REDACTED_NAMES = Option(
    "redacted-vars",
    ITEMS,
    job.DEFAULT_REDACTED_VARS,
    env=job.REDACTED_VARS.env,
    help="Patterns of names; used only with --apply-vars-filter.",
)
