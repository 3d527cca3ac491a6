"""Options of the commands that read and change the running job's environment."""

from bkagent.config.kinds import Suggested
from bkagent.config.option import Option

_PRINTED = Suggested("quiet", "plain", "json", "json-pretty")

DUMP_FORMAT = Option(
    "format",
    Suggested("json", "json-pretty"),
    "json",
    env=("BUILDKITE_AGENT_ENV_DUMP_FORMAT",),
    help="Output format: json or json-pretty.",
)
GET_FORMAT = Option(
    "format",
    Suggested("plain", "json", "json-pretty"),
    "plain",
    env=("BUILDKITE_AGENT_ENV_GET_FORMAT",),
    help="Output format: plain, json or json-pretty.",
)
SET_INPUT = Option(
    "input-format",
    Suggested("plain", "json"),
    "plain",
    env=("BUILDKITE_AGENT_ENV_SET_INPUT_FORMAT",),
    help="Input format: plain (NAME=value) or json (an object).",
)
SET_OUTPUT = Option(
    "output-format",
    _PRINTED,
    "plain",
    env=("BUILDKITE_AGENT_ENV_SET_OUTPUT_FORMAT",),
    help="Output format of the changes: plain, json, json-pretty or quiet.",
)
UNSET_INPUT = Option(
    "input-format",
    Suggested("plain", "json"),
    "plain",
    env=("BUILDKITE_AGENT_ENV_UNSET_INPUT_FORMAT",),
    help="Input format: plain (a name) or json (an array of names).",
)
UNSET_OUTPUT = Option(
    "output-format",
    _PRINTED,
    "plain",
    env=("BUILDKITE_AGENT_ENV_UNSET_OUTPUT_FORMAT",),
    help="Output format of the changes: plain, json, json-pretty or quiet.",
)
