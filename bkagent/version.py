"""Who this program is, on the command line and on the wire."""

VERSION = "0.1.0"

# The release of buildkite-agent whose behaviour is the contract; servers choose features by it.
REFERENCE_VERSION = "3.138.3"

# Without dots: scripts take the last of all numbers x.y.z that they find in a version for that of the reference.
BUILD = "bkagent-" + VERSION.replace(".", "-")
FULL_VERSION = f"{REFERENCE_VERSION}+{BUILD}"


def user_agent(goos: str, goarch: str) -> str:
    """Return the User-Agent of every API request, given Go's names of system and processor."""
    return f"buildkite-agent/{REFERENCE_VERSION}.{BUILD} ({goos}; {goarch})"
