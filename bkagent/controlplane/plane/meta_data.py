"""Meta-data of builds: texts under keys."""

from __future__ import annotations

import re
from typing import Dict, Mapping, Optional

from bkagent.controlplane.errors import Rejected
from bkagent.controlplane.plane.ledger import Ledger
from bkagent.controlplane.records import Event
from bkagent.controlplane.scheduling import limits
from bkagent.controlplane.scheduling.branches import is_full_commit
from bkagent.controlplane.store import builds, meta_data

# What agents put there: the output of `git log`, its first line "commit" and the whole hash.
COMMIT_KEY = "buildkite:git:commit"
_COMMIT = re.compile(r"\s*(?:commit )?([0-9a-f]{40}(?:[0-9a-f]{24})?)\b")


class MetaData:
    """Keeps the meta-data of every build."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._db = ledger.db

    def of_build(self, build_id: str) -> Dict[str, str]:
        """Return all meta-data of a build, by key."""
        return meta_data.all_of(self._db, build_id)

    def get(self, build_id: str, key: str) -> Optional[str]:
        """Return the value under a key, or None."""
        return meta_data.get(self._db, build_id, key)

    def put(self, build_id: str, values: Mapping[str, str]) -> None:
        """Keep values under their keys, all or none. Raises Rejected beyond the limits, or for what is not a text."""
        with self._ledger.change():
            for key, value in values.items():
                _check(key, value)
            if not values:
                return
            meta_data.put(self._db, build_id, values)
            if meta_data.count(self._db, build_id) > limits.META_DATA_KEYS_PER_BUILD:
                raise Rejected(f"a build keeps at most {limits.META_DATA_KEYS_PER_BUILD} meta-data keys")
            self._ledger.tell(Event("meta_data", build_id))
            self._resolve_commit(build_id, values.get(COMMIT_KEY, ""))

    def _resolve_commit(self, build_id: str, git_log: str) -> None:
        """Let a build that was created for a branch or tag name the commit that its first checkout resolved."""
        match = _COMMIT.match(git_log)
        build = builds.TABLE.get(self._db, build_id) if match else None
        if match and build is not None and not is_full_commit(build.commit):
            builds.TABLE.change(self._db, build, commit=match.group(1))
            self._ledger.tell(Event("build", build_id, state=build.state))


def _check(key: object, value: object) -> None:
    if not isinstance(key, str) or not isinstance(value, str):
        raise Rejected("keys and values of meta-data must be strings")
    if not key.strip() or len(key) > limits.META_DATA_KEY_CHARACTERS:
        raise Rejected(f"a meta-data key has 1 to {limits.META_DATA_KEY_CHARACTERS} characters")
    if len(value.encode("utf-8", "replace")) > limits.META_DATA_VALUE_BYTES:
        raise Rejected(f'the value of "{key}" is larger than {limits.META_DATA_VALUE_BYTES} bytes')
