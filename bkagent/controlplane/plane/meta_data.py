"""The part of the control plane that keeps meta-data of builds."""

from __future__ import annotations

import re
from typing import Dict, Mapping, Optional

from bkagent.controlplane.errors import Rejected
from bkagent.controlplane.plane.ledger import PlaneState
from bkagent.controlplane.records import Event
from bkagent.controlplane.scheduling import limits
from bkagent.controlplane.scheduling.branches import is_full_commit
from bkagent.controlplane.store import builds, meta_data

# What agents put there: the output of `git log`, its first line "commit" and the whole hash.
COMMIT_KEY = "buildkite:git:commit"
_COMMIT = re.compile(r"\s*(?:commit )?([0-9a-f]{40}(?:[0-9a-f]{24})?)\b")


class PlaneMetaData(PlaneState):
    """Texts under keys, for each build."""

    def meta_data(self, build_id: str) -> Dict[str, str]:
        """Return the meta-data of a build."""
        return meta_data.all_of(self._db, build_id)

    def get_meta_data(self, build_id: str, key: str) -> Optional[str]:
        """Return the value under a key, or None."""
        return meta_data.get(self._db, build_id, key)

    def set_meta_data(self, build_id: str, items: Mapping[str, str]) -> None:
        """Keep values under keys, all or none. Raises Rejected for what is too much or no text."""
        with self._change():
            for key, value in items.items():
                if not isinstance(key, str) or not isinstance(value, str):
                    raise Rejected("keys and values of meta-data are texts")
                if not key.strip() or len(key) > limits.META_DATA_KEY_CHARACTERS:
                    raise Rejected(f"a meta-data key has 1 to {limits.META_DATA_KEY_CHARACTERS} characters")
                if len(value.encode("utf-8", "replace")) > limits.META_DATA_VALUE_BYTES:
                    raise Rejected(f'the value of "{key}" is larger than {limits.META_DATA_VALUE_BYTES} bytes')
            if not items:
                return
            meta_data.put(self._db, build_id, items)
            if meta_data.count(self._db, build_id) > limits.META_DATA_KEYS_PER_BUILD:
                raise Rejected(f"a build keeps at most {limits.META_DATA_KEYS_PER_BUILD} meta-data keys")
            self._tell(Event("meta_data", build_id))
            self._resolve_commit(build_id, items.get(COMMIT_KEY, ""))

    def _resolve_commit(self, build_id: str, described: str) -> None:
        """Let the build name the commit that its first checkout has found, where it was asked for by another name."""
        found = _COMMIT.match(described)
        build = builds.TABLE.get(self._db, build_id) if found else None
        if found and build is not None and not is_full_commit(build.commit):
            builds.TABLE.change(self._db, build, commit=found.group(1))
            self._tell(Event("build", build_id, state=build.state))
