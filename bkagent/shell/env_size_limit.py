"""The part of a job's environment that processes can be given, and word about the rest."""

from __future__ import annotations

from typing import Callable, Dict, Mapping, Set

from bkagent.system import environment_limits

_MOST_NAMED = 20


class EnvSizeLimit:
    """Keeps out of environments what makes them too big, and has that told once. Not thread-safe."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._told: Set[str] = set()

    def part_of(self, env: Mapping[str, str]) -> Dict[str, str]:
        """Return `env` without the variables for which there is no room."""
        left_out = environment_limits.left_out(env)
        if not left_out:
            return dict(env)
        new = [name for name in left_out if name not in self._told]
        if new:
            self._told.update(new)
            named = [f"{name} ({len(env[name]):,} characters)" for name in new[:_MOST_NAMED]]
            remainder = f" and {len(new) - _MOST_NAMED:,} more" if len(new) > _MOST_NAMED else ""
            self._tell(
                f"too big for the environment of a process, so hooks and commands do not have: "
                f"{', '.join(named)}{remainder}. What came with the job is in the file that BUILDKITE_ENV_FILE names; "
                "`buildkite-agent env get` has all"
            )
        return {name: value for name, value in env.items() if name not in set(left_out)}
