"""The words of requests that in-job commands hand to the job's local socket, to be passed on to the control plane.

On the short path. The service is `localapi.upstream`, the client `remote.in_job`.
"""

PREFIX = "/api/bkagent/v0/upstream/"
ENDPOINT_HEADER = "x-bkagent-endpoint"
TOKEN_HEADER = "x-bkagent-token"
TIMEOUT_HEADER = "x-bkagent-timeout"
PASSED_ON_HEADER = "X-Bkagent-Upstream"  # marks an answer as the control plane's, so that its 404 is not taken for ours
UNREACHABLE_HEADER = "X-Bkagent-Unreachable"  # no answer came: "retry" or "final"

SOCKET_VARIABLE = "BUILDKITE_AGENT_JOB_API_SOCKET"
TOKEN_VARIABLE = "BUILDKITE_AGENT_JOB_API_TOKEN"
