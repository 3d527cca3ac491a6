"""Options of `start` that are read so that a configuration keeps working, and that this release does not act on.

A use of one of IGNORED warns; one of REFUSED ends the start, since an agent that went on without it would
run jobs that its owner meant to keep out. OLD_NAMES are other names of options that exist.
"""

from bkagent.config.kinds import CHECKED_DURATION, DURATION, FLAG, ITEMS, LIST, TEXT, WHOLE, Choice
from bkagent.config.option import Option
from bkagent.config.variables import job_variable as variable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.config.kinds import ValueKind

_NOT_YET = "Accepted for compatibility; has no effect in this release."


def _ignored(name: str, kind: "ValueKind", default: object, variable: str) -> Option:
    return Option(name, kind, default, env=("BUILDKITE_" + variable,), help=_NOT_YET)


# fmt: off
def _retired(name: str, kind: "ValueKind", default: object, variable: str, hidden: bool = False) -> Option:
    return Option(
        name, kind, default, env=("BUILDKITE_" + variable,), help="No longer has an effect.", hidden=hidden,
        deprecated=True,
    )


def _old(name: str, kind: "ValueKind", default: object, variable: str, replaced_by: str, hidden: bool = True) -> Option:
    return Option(
        name, kind, default, env=("BUILDKITE_" + variable,), help=f"Old name of --{replaced_by}.", hidden=hidden,
        replaced_by=replaced_by,
    )
# fmt: on


IGNORED = (
    _ignored("job-logs-otlp", FLAG, False, "JOB_LOGS_OTLP"),
    _ignored("tags-from-ec2-meta-data", FLAG, False, "AGENT_TAGS_FROM_EC2_META_DATA"),
    _ignored("tags-from-ec2-meta-data-paths", LIST, (), "AGENT_TAGS_FROM_EC2_META_DATA_PATHS"),
    _ignored("tags-from-ec2-tags", FLAG, False, "AGENT_TAGS_FROM_EC2_TAGS"),
    _ignored("tags-from-ecs-meta-data", FLAG, False, "AGENT_TAGS_FROM_ECS_META_DATA"),
    _ignored("tags-from-gcp-meta-data", ITEMS, (), "AGENT_TAGS_FROM_GCP_META_DATA"),
    _ignored("tags-from-gcp-meta-data-paths", LIST, (), "AGENT_TAGS_FROM_GCP_META_DATA_PATHS"),
    _ignored("tags-from-gcp-labels", FLAG, False, "AGENT_TAGS_FROM_GCP_LABELS"),
    _ignored("wait-for-ec2-tags-timeout", CHECKED_DURATION, 10.0, "AGENT_WAIT_FOR_EC2_TAGS_TIMEOUT"),
    _ignored("wait-for-ec2-meta-data-timeout", CHECKED_DURATION, 10.0, "AGENT_WAIT_FOR_EC2_META_DATA_TIMEOUT"),
    _ignored("wait-for-ecs-meta-data-timeout", CHECKED_DURATION, 10.0, "AGENT_WAIT_FOR_ECS_META_DATA_TIMEOUT"),
    _ignored("wait-for-gcp-labels-timeout", CHECKED_DURATION, 10.0, "AGENT_WAIT_FOR_GCP_LABELS_TIMEOUT"),
    _ignored("fail-on-missing-tags", FLAG, False, "AGENT_FAIL_ON_MISSING_TAGS"),
    _ignored("health-check-addr", TEXT, "", "AGENT_HEALTH_CHECK_ADDR"),
    _ignored("metrics-datadog", FLAG, False, "METRICS_DATADOG"),
    _ignored("metrics-datadog-host", TEXT, "127.0.0.1:8125", "METRICS_DATADOG_HOST"),
    _ignored("metrics-datadog-distributions", FLAG, False, "METRICS_DATADOG_DISTRIBUTIONS"),
    _ignored("tracing-backend", Choice("", "datadog", "opentelemetry"), "", "TRACING_BACKEND"),
    _ignored("tracing-propagate-traceparent", FLAG, False, "TRACING_PROPAGATE_TRACEPARENT"),
    _ignored("tracing-service-name", TEXT, "buildkite-agent", "TRACING_SERVICE_NAME"),
    _ignored("kubernetes-container-start-timeout", DURATION, 300.0, "KUBERNETES_CONTAINER_START_TIMEOUT"),
    _ignored("cancel-signal-timeout", DURATION, 10.0, "CANCEL_SIGNAL_TIMEOUT"),
    _ignored("cancel-cleanup-timeout", DURATION, 5.0, "CANCEL_CLEANUP_TIMEOUT"),
    _ignored("opentelemetry-metrics", FLAG, False, "OPENTELEMETRY_METRICS"),
    _ignored("opentelemetry-tracing", FLAG, False, "OPENTELEMETRY_TRACING"),
    _ignored("telemetry-service-name", TEXT, "buildkite-agent", "TELEMETRY_SERVICE_NAME"),
    _retired("kubernetes-log-collection-grace-period", DURATION, 50.0, "KUBERNETES_LOG_COLLECTION_GRACE_PERIOD"),
    _retired("meta-data-ec2", FLAG, False, "AGENT_META_DATA_EC2", hidden=True),
    _retired("meta-data-gcp", FLAG, False, "AGENT_META_DATA_GCP", hidden=True),
)

# Handed to jobs, whose pipeline uploads read them.
TRACE_CONTEXT_ENCODING = Option(
    "trace-context-encoding", Choice("", "gob", "json"), "gob", env=("BUILDKITE_TRACE_CONTEXT_ENCODING",),
    help="Encoding of the trace context passed to jobs: gob or json.",
    job=variable.JobVariable(place=50, place_in_file=24),
)  # fmt: skip
# fmt: off
REFUSED = (
    Option(
        "kubernetes-exec", FLAG, False, env=("BUILDKITE_KUBERNETES_EXEC",),
        help="Run jobs in the containers of a pod; not supported in this release, which refuses to start.",
        job=variable.JobVariable(told=variable.NEVER, open_to=variable.NOBODY, reader=False),
    ),
)
OLD_NAMES = (
    _old("meta-data", ITEMS, (), "AGENT_META_DATA", "tags"),
    _old("meta-data-ec2-tags", FLAG, False, "AGENT_META_DATA_EC2_TAGS", "tags-from-ec2-tags"),
    _old("tags-from-ec2", FLAG, False, "AGENT_TAGS_FROM_EC2", "tags-from-ec2-meta-data", hidden=False),
    _old("tags-from-gcp", FLAG, False, "AGENT_TAGS_FROM_GCP", "tags-from-gcp-meta-data", hidden=False),
    _old(
        "no-automatic-ssh-fingerprint-verification", FLAG, False, "NO_AUTOMATIC_SSH_FINGERPRINT_VERIFICATION",
        "no-ssh-keyscan",
    ),
    _old(
        "disconnect-after-job-timeout", WHOLE, 0, "AGENT_DISCONNECT_AFTER_JOB_TIMEOUT",
        "disconnect-after-idle-timeout",
    ),
)

ACCEPTED = (
    *IGNORED, TRACE_CONTEXT_ENCODING, *REFUSED, *OLD_NAMES,
)
# fmt: on
