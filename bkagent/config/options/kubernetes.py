"""Options of `kubernetes-bootstrap`, which runs a job in a container of a pod."""

from bkagent.config.kinds import DURATION, FILE_PATH, WHOLE
from bkagent.config.option import Option

CONTAINER_ID = Option(
    "kubernetes-container-id",
    WHOLE,
    0,
    env=("BUILDKITE_CONTAINER_ID",),
    help="Number of this container in its pod.",
)
JOB_CONTEXT_PATH = Option(
    "job-context-dir",
    FILE_PATH,
    "",
    env=("BUILDKITE_JOB_CONTEXT_DIR",),
    help="Folder of the files that describe a job to its containers.",
)
CONNECTION_TIMEOUT_S = Option(
    "kubernetes-bootstrap-connection-timeout",
    DURATION,
    0.0,
    env=("BUILDKITE_KUBERNETES_BOOTSTRAP_CONNECTION_TIMEOUT",),
    help="Timeout for reaching the agent's container, such as 90s; 0 for two minutes.",
)
KUBERNETES = (CONTAINER_ID, JOB_CONTEXT_PATH, CONNECTION_TIMEOUT_S)
