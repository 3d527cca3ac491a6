"""A hook that runs a step's command in a container, with what the plugins docker and docker-compose mount and pass.

MOUNTS and VARIABLES stand in commands/run.sh of docker-buildkite-plugin 5.13.0 and of docker-compose-buildkite-plugin
5.14.0, for `mount-buildkite-agent: true` and a checkout in /workdir. Where checkouts of these plugins are at hand,
tests/whole/test_containers.py holds the tables to them.
"""

from __future__ import annotations

from typing import List, Sequence, Set, Tuple

_SOCKET = "BUILDKITE_AGENT_JOB_API_SOCKET"
# What is mounted where, as a shell reads it; `program` is what BUILDKITE_AGENT_BINARY_PATH or `command -v` names.
MOUNTS = (("$PWD", "/workdir"), ("$program", "/usr/bin/buildkite-agent"))
VARIABLES = ("BUILDKITE_JOB_ID", "BUILDKITE_BUILD_ID", "BUILDKITE_AGENT_ACCESS_TOKEN")
MOUNTS_OF_SOCKET = ((f"${_SOCKET}", f"${_SOCKET}"),)
VARIABLES_OF_SOCKET = (_SOCKET, "BUILDKITE_AGENT_JOB_API_TOKEN")


def _flags(mounts: Sequence[Tuple[str, str]], variables: Sequence[str]) -> str:
    return " ".join([f'--volume "{source}:{target}"' for source, target in mounts] + [f"--env {v}" for v in variables])


# Its configuration: `image`; `socket: ""` leaves the job's socket out; `env` and `volumes` are lists of more, each
# with spaces between; of the volumes each is at the same path inside.
HOOK = f"""\
program=${{BUILDKITE_AGENT_BINARY_PATH:-$(command -v buildkite-agent)}}
set -- --rm --workdir /workdir {_flags(MOUNTS, VARIABLES)}
if [ -n "${{BUILDKITE_PLUGIN_BOX_SOCKET-1}}" ]; then
  set -- "$@" {_flags(MOUNTS_OF_SOCKET, VARIABLES_OF_SOCKET)}
fi
for name in ${{BUILDKITE_PLUGIN_BOX_ENV-}}; do set -- "$@" --env "$name"; done
for folder in ${{BUILDKITE_PLUGIN_BOX_VOLUMES-}}; do set -- "$@" --volume "$folder:$folder"; done
docker run "$@" "$BUILDKITE_PLUGIN_BOX_IMAGE" /bin/sh -e -c "$BUILDKITE_COMMAND"
"""


def targets(words: Sequence[str]) -> Set[str]:
    """Return where the command line of a `docker run` mounts something."""
    return {word.split(":")[1] for word in _after(words, ("--volume", "-v"))}


def passed(words: Sequence[str]) -> Set[str]:
    """Return the variables that the command line of a `docker run` passes."""
    return {word.partition("=")[0] for word in _after(words, ("--env", "-e"))}


def _after(words: Sequence[str], flags: Sequence[str]) -> List[str]:
    before = words[: words.index("/bin/sh")]  # the command's shell has flags of its own
    return [word for flag, word in zip(before, before[1:]) if flag in flags]
