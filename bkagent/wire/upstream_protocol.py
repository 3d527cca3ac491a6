"""The words of requests of our own to the job's local socket. On the short path.

Below PREFIX they are passed on to the control plane: the service is `localapi.upstream`, the client `remote.in_job`.
REDACTED answers with texts as they may leave the job, for what goes another way: `{"texts": [...]}` both ways.
STORAGE passes a small artifact on to the storage that the control plane has named, by the job's own connection to it.
"""

PREFIX = "/api/bkagent/v0/upstream/"
REDACTED = "/api/bkagent/v0/redacted"
STORAGE = "/api/bkagent/v0/storage"
ENDPOINT_HEADER = "x-bkagent-endpoint"
JOB_ENDPOINT = "job"  # in that header: the endpoint of the job, whichever it is
TOKEN_HEADER = "x-bkagent-token"
URL_HEADER = "x-bkagent-url"  # where a request to STORAGE goes, by its own method
TIMEOUT_HEADER = "x-bkagent-timeout"
PASSED_ON_HEADER = "X-Bkagent-Upstream"  # marks an answer as the control plane's, so that its 404 is not taken for ours
UNREACHABLE_HEADER = "X-Bkagent-Unreachable"  # no answer came: "retry" or "final"

JOB_API = "/api/current-job/v0"  # what lies below, jobs of the reference can ask for, too
SOCKET_VARIABLE = "BUILDKITE_AGENT_JOB_API_SOCKET"
TOKEN_VARIABLE = "BUILDKITE_AGENT_JOB_API_TOKEN"
