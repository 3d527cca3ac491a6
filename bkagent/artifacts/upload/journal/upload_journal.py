"""What an upload has achieved so far, for the same command run again after it was killed.

The journal is a file below the state folder, named after what makes a run the same: control plane, job, destination,
folder, and patterns. It has a record for each batch of artifacts before the batch is created, and one for each part and
each file that has been acknowledged. The next run uses the ids of these batches again, and sends nothing again that was
acknowledged, provided that it reads the same contents: a batch is known by a sum over its records, checksums among
them, a part by its place in the file.

It costs a small upload nothing. Nothing is written before something could be lost: with the first file that has arrived
while others have not, with the first part of a file that has others, and, for a file of LARGE_BYTES or more, with the
creation of its batch. One smaller file in one request has no journal: killed, it is uploaded anew as a new artifact.

A journal is removed when its run ends by itself, whether all files have arrived or not. One that is damaged, too large
or not about this run is removed with a warning. While another process uploads the same, there is none.
"""

from __future__ import annotations

import os
import threading

from bkagent.config import paths
from bkagent.errors import ConfigError, WireError
from bkagent.named_tuple import NamedTuple
from bkagent.spool import layout
from bkagent.system import private_folder, unguessable
from bkagent.system.small_digests import sha256_hex
from bkagent.wire.reader import Reader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence

    from bkagent.artifacts.stores.store import UploadPart
    from bkagent.artifacts.upload.journal.record_file import Record, RecordFile
    from bkagent.report import Report
    from bkagent.wire.artifacts import Artifact

LARGE_BYTES = 8 * 1024 * 1024


class ArtifactMemory(NamedTuple):
    """What an earlier run has achieved for one artifact.

    saved        of the store's upload, and `places` of its parts; `tags` of those that have arrived
    told         once it has arrived as a whole: the tags for the control plane; None before that
    is_reported  whether the control plane has been told
    """

    saved: Mapping[str, Any] = {}
    places: str = ""
    tags: Mapping[int, str] = {}
    told: Optional[Mapping[int, str]] = None
    is_reported: bool = False


class _Batch(NamedTuple):
    id: str
    artifact_ids: Sequence[str] = ()


class UploadJournal:
    """The journal of one run. Its methods may be called from any thread, and fail quietly: it only saves work."""

    def __init__(
        self, environ: Mapping[str, str], run: Iterable[str], report: Report, *, is_of_use: bool = True
    ) -> None:  # fmt: skip
        """Read what an earlier run has left. `run` has the texts that make a run the same.

        is_of_use  whether anyone will run it again; else nothing is read or written
        """
        text = "\0".join(run).encode("utf-8", "surrogateescape")
        self._environ, self._report, self._lock = environ, report, threading.Lock()
        self._name = sha256_hex(text)[:40]
        self._file: Optional[RecordFile] = None
        self._pending: List[Record] = []
        self._is_of_use = is_of_use
        self._batches: Dict[str, _Batch] = {}
        self._memories: Dict[str, ArtifactMemory] = {}
        folders = (os.path.join(state, layout.UPLOADS) for state in paths.state_paths(environ))
        if is_of_use and any(os.path.lexists(os.path.join(folder, self._name)) for folder in folders):
            self._open()

    def batch_id(self, artifacts: Sequence[Artifact]) -> str:
        """Return the id under which these records were created before, or a new one."""
        if not self._is_of_use:
            return unguessable.uuid4()
        content = "\0".join("\0".join(map(str, artifact)) for artifact in artifacts).encode("utf-8", "surrogateescape")
        if len(artifacts) == 1:
            text = sha256_hex(content)
        else:
            from hashlib import sha256 as new_sha256  # loaded by then for their contents

            text = new_sha256(content).hexdigest()
        is_large = sum(artifact.size for artifact in artifacts) >= LARGE_BYTES
        with self._lock:
            batch = self._batches.get(text)
            if batch is None:
                batch = self._batches[text] = _Batch(unguessable.uuid4())
                self._note({"batch": batch.id, "content": text}, at_once=is_large)
            return batch.id

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known of any artifact."""
        return not self._memories

    def note_created(self, batch_id: str, artifact_ids: Sequence[str]) -> None:
        """Note the ids of a batch. If they are not those of before, nothing is known of its artifacts."""
        with self._lock:
            for content, batch in self._batches.items():
                if batch.id == batch_id and tuple(batch.artifact_ids) != tuple(artifact_ids):
                    for artifact_id in (*batch.artifact_ids, *artifact_ids):
                        self._memories.pop(artifact_id, None)
                    self._batches[content] = _Batch(batch_id, tuple(artifact_ids))
                    self._note({"created": batch_id, "ids": list(artifact_ids)}, at_once=False)

    def memory(self, artifact_id: str) -> ArtifactMemory:
        """Return what is known of an artifact of a batch that was created now."""
        with self._lock:
            return self._memories.get(artifact_id, ArtifactMemory())

    def note_begun(self, artifact_id: str, saved: Mapping[str, Any], parts: Sequence[UploadPart]) -> None:
        """Note what the store needs to go on."""
        with self._lock:
            self._note({"begun": artifact_id, "saved": dict(saved), "places": places_of(parts)}, at_once=False)

    def note_part(self, artifact_id: str, number: int, tag: str) -> None:
        """Note that a part of several has arrived."""
        with self._lock:
            self._note({"part": number, "of": artifact_id, "tag": tag}, at_once=True)

    def note_arrived(self, artifact_id: str, told: Mapping[int, str], are_others_left: bool) -> None:
        """Note that an artifact has arrived as a whole."""
        with self._lock:
            record = {"arrived": artifact_id, "told": [[number, tag] for number, tag in told.items()]}
            self._note(record, at_once=are_others_left)

    def note_arrived_whole(self, artifact_ids: Sequence[str], are_others_left: bool) -> None:
        """Note that artifacts have arrived as wholes, of which there is nothing else to tell."""
        with self._lock:
            self._note({"whole": list(artifact_ids)}, at_once=are_others_left)

    def note_reported(self, artifact_ids: Sequence[str]) -> None:
        """Note that the control plane knows that these have arrived."""
        with self._lock:
            self._note({"reported": list(artifact_ids)}, at_once=False)

    def close(self, remove: bool) -> None:
        """Let go of the journal, and remove it if the run has ended by itself."""
        with self._lock:
            self._is_of_use = False
            if self._file is not None:
                self._file.close(remove)
                self._file = None

    def _note(self, record: Record, at_once: bool) -> None:
        if not self._is_of_use:
            return
        self._pending.append(record)
        if self._file is None and at_once:
            self._open()
        if self._file is None:
            return
        try:
            self._file.append(self._pending)
            self._pending.clear()
        except OSError as problem:
            self._give_up(f"cannot be written: {problem.strerror or problem}")

    def _open(self) -> None:
        from bkagent.artifacts.upload.journal.record_file import Damaged, RecordFile  # most uploads need none

        try:
            folder = os.path.join(paths.state_path(self._environ), layout.UPLOADS)
            os.makedirs(folder, private_folder.INNER_MODE, exist_ok=True)
            self._file = RecordFile(os.path.join(folder, self._name))
            try:
                self._learn(self._file.read())
            except (Damaged, WireError) as problem:
                self._batches.clear()
                self._memories.clear()
                self._report("warn", f"the journal of an earlier upload in {folder} is not used: {problem}")
                self._file.clear()
        except BlockingIOError:
            self._give_up("is in use by another upload of the same files")
        except (OSError, ConfigError) as problem:
            self._give_up(f"cannot be used: {getattr(problem, 'strerror', None) or problem}")

    def _give_up(self, why: str) -> None:
        self._report("debug", f"The journal of this upload {why}; if it is killed it cannot be continued")
        self._is_of_use = False
        self._pending.clear()

    def _learn(self, records: List[Record]) -> None:
        """Take over what the records of an earlier run say. Raises WireError for those that make no sense."""
        created: Dict[str, Sequence[str]] = {}
        contents: Dict[str, str] = {}
        for record in records:
            reader = Reader(record, "upload journal")
            if "batch" in record:
                contents[reader.text("content")] = reader.text("batch")
            elif "created" in record:
                created[reader.text("created")] = reader.texts("ids")
            elif "begun" in record:
                memory = ArtifactMemory(reader.fields("saved"), reader.text("places"))
                self._memories[reader.text("begun")] = memory
            elif "part" in record:
                memory = self._memories.get(reader.text("of"), ArtifactMemory())
                tags = {**memory.tags, reader.whole("part", low=1): reader.text("tag", "")}
                self._memories[reader.text("of")] = memory._replace(tags=tags)
            elif "arrived" in record:
                memory = self._memories.get(reader.text("arrived"), ArtifactMemory())
                self._memories[reader.text("arrived")] = memory._replace(told=_told(reader.array("told")))
            elif "whole" in record:
                for artifact_id in reader.texts("whole"):
                    memory = self._memories.get(artifact_id, ArtifactMemory())
                    self._memories[artifact_id] = memory._replace(told={})
            else:
                for artifact_id in reader.texts("reported"):
                    memory = self._memories.get(artifact_id, ArtifactMemory())
                    self._memories[artifact_id] = memory._replace(is_reported=True)
        for content, batch_id in contents.items():
            self._batches.setdefault(content, _Batch(batch_id, created.get(batch_id, ())))
        arrived_count = sum(memory.told is not None for memory in self._memories.values())
        if self._memories:
            parts_count = sum(len(memory.tags) for memory in self._memories.values() if memory.told is None)
            self._report(
                "info",
                f"Going on with an earlier upload of these files: {arrived_count} of them have arrived, and "
                f"{parts_count} parts of others",
            )


def places_of(parts: Sequence[UploadPart]) -> str:
    """Return a text that differs with the ranges of an upload's parts."""
    return sha256_hex(repr([(part.number, part.offset, part.size) for part in parts]).encode())


def _told(pairs: Sequence[object]) -> Dict[int, str]:
    told = {}
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2 or type(pair[0]) is not int or not isinstance(pair[1], str):
            raise WireError("upload journal: told must be pairs of a number and a tag")
        told[pair[0]] = pair[1]
    return told
