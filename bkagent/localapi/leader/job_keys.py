"""Which keys are freed when a job ends."""

from __future__ import annotations

from typing import Dict, List, Set

from bkagent.localapi.leader.key_state import KeyState


class JobKeys:
    """The keys that each job holds until it ends, by the path of its kernel lock. Not thread-safe."""

    def __init__(self) -> None:
        self._keys: Dict[str, Set[str]] = {}

    def note(self, key: str, before: KeyState, after: KeyState) -> None:
        """Follow a change of a key's state."""
        old, new = _jobs_of(before), _jobs_of(after)
        for path in old - new:
            keys = self._keys.get(path, set())
            keys.discard(key)
            if not keys:
                self._keys.pop(path, None)
        for path in new - old:
            self._keys.setdefault(path, set()).add(key)

    def jobs(self) -> List[str]:
        """Return the paths of the jobs that hold anything."""
        return list(self._keys)

    def pop(self, path: str) -> Set[str]:
        """Forget a job; return its keys."""
        return self._keys.pop(path, set())


def _jobs_of(state: KeyState) -> Set[str]:
    return {holder.bound_to for holder in state.holders if holder.bound_to}
