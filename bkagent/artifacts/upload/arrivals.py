"""What has become of each artifact, as the control plane and the journal are told."""

from __future__ import annotations

import threading

from bkagent.wire.artifacts import StateChange

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping, Sequence

    from bkagent.artifacts.upload.journal.upload_journal import UploadJournal
    from bkagent.artifacts.upload.state_reporter import StateReporter


class Arrivals:
    """Thread-safe. `told` are the tags that the control plane is to be told of, by the numbers of their parts."""

    def __init__(self, states: StateReporter, journal: UploadJournal, expected_count: int) -> None:
        self.journal, self._states, self._left_count = journal, states, expected_count
        self._lock = threading.Lock()

    def note(self, artifact_id: str, told: Mapping[int, str]) -> None:
        """Note that an artifact has arrived."""
        with self._lock:
            self._left_count -= 1
        self.journal.note_arrived(artifact_id, told, self._left_count > 0)
        self.report(artifact_id, told)

    def note_whole(self, artifact_ids: Sequence[str]) -> None:
        """Note that artifacts have arrived, of which there is nothing else to tell."""
        with self._lock:
            self._left_count -= len(artifact_ids)
        self.journal.note_arrived_whole(artifact_ids, self._left_count > 0)
        self._states.add([StateChange(artifact_id, True) for artifact_id in artifact_ids])

    def report(self, artifact_id: str, told: Mapping[int, str]) -> None:
        """Have the control plane told of one that has arrived, as the journal knows already."""
        self._states.add([StateChange(artifact_id, True, bool(told), tuple(told.items()))])

    def note_failure(self, artifact_id: str) -> None:
        """Note that an artifact will not arrive."""
        self._states.add([StateChange(artifact_id, finished=False)])
