"""The file a pipeline comes from: where it usually is, and how it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bkagent.errors import AgentError

if TYPE_CHECKING:
    from typing import BinaryIO

# The reference's places, in its order; more than one file in them is an error.
PLACES = tuple(
    f"{stem}.{ending}"
    for stem in ("buildkite", ".buildkite/pipeline", "buildkite/pipeline")
    for ending in ("yml", "yaml", "json")
)
# A pipeline of this size is a mistake; a control plane would refuse it long before.
LARGEST_BYTES = 64 * 1024 * 1024


def read_file(path: str, name: str) -> bytes:
    """Return what a file has. `name` is what messages call it.

    Raises AgentError where it cannot be read, or is too large.
    """
    try:
        with open(path, "rb") as file:
            return read_stream(file, name)
    except OSError as error:
        raise _unreadable(name, error) from None


def read_stream(stream: BinaryIO, name: str) -> bytes:
    """Return the rest of a stream. Raises as `read_file`."""
    try:
        content = stream.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise _unreadable(name, error) from None
    if len(content) > LARGEST_BYTES:
        raise AgentError(f'pipeline "{name}" is larger than {LARGEST_BYTES} bytes')
    return content


def _unreadable(name: str, error: OSError) -> AgentError:
    return AgentError(f'cannot read the pipeline file "{name}": {error.strerror}')
