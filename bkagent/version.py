"""Who this program is, on the command line and on the wire."""

import sys

NAME = "bkagent"
VERSION = "0.1.0"

# The release of buildkite-agent whose behaviour is the contract; servers choose features by it.
REFERENCE_VERSION = "3.138.3"

# Without dots: scripts take the last of all numbers x.y.z that they find in a version for that of the reference.
BUILD = "bkagent-" + VERSION.replace(".", "-")
FULL_VERSION = f"{REFERENCE_VERSION}+{BUILD}"


def program_name() -> str:
    """Return the name that this program was called by: that of the archive, a link to it, or a launcher.

    Python's own ways to start code (`-c`, `-m`) name none.
    """
    name = (sys.argv[0] if sys.argv else "").replace("\\", "/").rpartition("/")[2]
    stem, dot, suffix = name.rpartition(".")
    if dot and suffix in ("pyz", "exe", "cmd"):
        name = stem
    return NAME if not name or name.startswith("-") or suffix == "py" else name
