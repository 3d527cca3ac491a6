"""Who this program is, on the command line and on the wire."""

VERSION = "0.1.0"

# The release of buildkite-agent whose behaviour is the contract; servers choose features by it.
REFERENCE_VERSION = "3.137.0"

BUILD = "bkagent-" + VERSION


def user_agent(goos: str, goarch: str) -> str:
    """Return the User-Agent of every API request, given Go's names of system and processor."""
    return f"buildkite-agent/{REFERENCE_VERSION}.{BUILD} ({goos}; {goarch})"
