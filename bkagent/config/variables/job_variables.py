"""Every variable that jobs of an agent are told, or that something of ours reads in a job: the rows of all options.

The places are those of buildkite-agent 3.137, in agent/job_runner.go.
"""

from bkagent.config.options import agent, api, bootstrap, job
from bkagent.config.variables.job_variable import AS_GIVEN, NEVER, NOBODY, UNPLACED, JobVariable


def _given(name: str, **details: object) -> JobVariable:
    return JobVariable(name, told=AS_GIVEN, reader=False, **details)  # type: ignore[arg-type]


_TELEMETRY = {option.name: option.env[0] for option in bootstrap.TELEMETRY}

# What the job at hand says, and no option.
ENV_FILE = _given(job.ENV_FILE_VARIABLE, place=1)
ENV_JSON_FILE = _given("BUILDKITE_ENV_JSON_FILE", place=2)
TIMEOUT_FILE = _given("BUILDKITE_AGENT_JOB_TIMEOUT_FILE", place=3, open_to=NOBODY)
CACHE_PATHS = _given("BUILDKITE_AGENT_CACHE_PATHS", place=4)
ENDPOINT = _given(api.ENDPOINT.env[0], place=6, open_to=NOBODY)
ACCESS_TOKEN = _given(api.ACCESS_TOKEN.env[0], place=7, open_to=NOBODY)
AGENT_PID = _given("BUILDKITE_AGENT_PID", place=11, open_to=NOBODY)
LOGS_BY_OTLP = _given(_TELEMETRY["job-logs-otlp"], place=64)
LOG_TMPFILE = _given("BUILDKITE_JOB_LOG_TMPFILE")
_GIVEN = (
    ENV_FILE, ENV_JSON_FILE, TIMEOUT_FILE, CACHE_PATHS, ENDPOINT, ACCESS_TOKEN, AGENT_PID, LOGS_BY_OTLP, LOG_TMPFILE,
)  # fmt: skip

# What this release tells no job.
_TRACING = (
    "tracing-backend", "tracing-service-name", "tracing-traceparent", "tracing-tracestate",
    "tracing-propagate-traceparent",
)  # fmt: skip
_UNUSED = (
    JobVariable("BUILDKITE_CONTAINER_COUNT", told=NEVER, reader=False, open_to=NOBODY),
    *(
        JobVariable(_TELEMETRY[name], told=NEVER, reader=False, place_in_file=place)
        for place, name in enumerate(_TRACING, 25)
    ),
)

ALL = tuple(sorted((*_GIVEN, *agent.TOLD, *bootstrap.BROUGHT, *_UNUSED), key=lambda row: row.place))
BY_NAME = {row.name: row for row in ALL}
FIELDS = {row.field: row for row in ALL if row.field}


def open_to(*parts: str) -> "frozenset[str]":
    """Return the names of the variables that these may change."""
    return frozenset(row.name for row in ALL if row.open_to in parts)


def place(name: str) -> int:
    """Return where a variable stands in the reference's order; those that it does not have come last."""
    row = BY_NAME.get(name)
    return row.place if row is not None else UNPLACED
