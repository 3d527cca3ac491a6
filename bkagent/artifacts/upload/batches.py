"""Take files through an upload batch by batch: each batch is read, created and sent, and several are under way."""

from __future__ import annotations

from collections import deque

from bkagent.artifacts.upload.batch import FILES_COUNT, UploadBatch
from bkagent.errors import Cancelled
from bkagent.named_tuple import NamedTuple
from bkagent.wire.go_duration import format_precise
from bkagent.wire.shown_text import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Deque, Iterator, List, Sequence

    from bkagent.artifacts.upload.batch_creator import BatchCreator
    from bkagent.artifacts.upload.batch_reader import BatchReader
    from bkagent.artifacts.upload.finding.collect import MatchedFile
    from bkagent.artifacts.upload.sender import ArtifactSender
    from bkagent.report import Report
    from bkagent.shell.cancellation import Cancellation
    from bkagent.wire.artifacts import Created

# Batches that are under way at a time. No more than one ahead where files are large: instructions to upload go stale.
_BATCHES_COUNT, _SMALL_BATCHES_COUNT = 2, 6


class Failure(NamedTuple):
    """A file that could not be uploaded, by its artifact path, and why."""

    path: str
    reason: str


class UploadBatches:
    """The batches of an upload, from files to artifacts that are submitted; one thread calls its methods.

    unread        files that could not be read
    create_s      time that creating records has taken, summed over all batches
    batches_count, sent_bytes  of what was submitted
    """

    def __init__(
        self, reader: BatchReader, creator: BatchCreator, sender: ArtifactSender, stop: Cancellation, report: Report
    ) -> None:
        self._reader, self._creator, self._sender, self._stop, self._report = reader, creator, sender, stop, report
        self._under_way: Deque[UploadBatch] = deque()
        self._files_count = 0
        self.unread: List[Failure] = []
        self.create_s = 0.0
        self.batches_count = self.sent_bytes = 0

    def send(self, files: Sequence[MatchedFile]) -> None:
        """Return when the uploads of these files have ended. Raises what has ended a batch, and Cancelled."""
        starts = range(0, len(files), FILES_COUNT)
        to_come = (UploadBatch(start, files[start : start + FILES_COUNT]) for start in starts)
        self._files_count = len(files)
        self._under_way.clear()
        has_more = True
        while True:
            has_more = has_more and self._begin(to_come)
            while self._under_way and self._under_way[0].is_ended and self._under_way[0].is_read:
                self._note_unread(self._under_way.popleft())
            self._go_on()
            if not self._under_way and not has_more:
                return
            if not (has_more and self._may_begin()):
                self._sender.turn()

    def _begin(self, to_come: Iterator[UploadBatch]) -> bool:
        """Begin as many batches as may be under way; return whether there may be more to come."""
        while self._may_begin():
            batch = next(to_come, None)
            if batch is None:
                return False
            self._under_way.append(batch)
            self._reader.read(batch, self._files_count == 1)
            self._go_on()
            self._sender.turn(0.0)
        return True

    def _may_begin(self) -> bool:
        if self._stop.requested:
            raise Cancelled("the artifact upload was stopped")
        if any(batch.problem is not None for batch in self._under_way):
            return False
        are_small = all(batch.is_small for batch in self._under_way)
        return len(self._under_way) < (_SMALL_BATCHES_COUNT if are_small else _BATCHES_COUNT)

    def _note_unread(self, batch: UploadBatch) -> None:
        for file, problem in batch.unread:
            self._report("error", f"Artifact {one_line(file.path)} could not be uploaded: {problem}")
            self.unread.append(Failure(file.path, str(problem)))

    def _go_on(self) -> None:
        """Begin to create the batches that have been read, and to send those that have been created, both in order."""
        if self._under_way and self._under_way[0].problem is not None:
            raise self._under_way[0].problem  # now that the batches before it have been sent
        for batch in self._under_way:
            if not batch.is_read or batch.problem is not None:
                break
            if not batch.is_being_created:
                batch.is_being_created = True
                self._create(batch)
        for batch in self._under_way:
            if batch.created is None or batch.problem is not None:
                break
            if not batch.is_sent:
                batch.is_sent = True
                self._submit(batch, batch.created)

    def _create(self, batch: UploadBatch) -> None:
        end, count = batch.first + len(batch.files), self._files_count
        self._report("info", f"Creating ({batch.first}-{end})/{count} artifacts")
        if count <= FILES_COUNT:
            self._creator.create(batch)
        else:
            self._creator.put(batch)

    def _submit(self, batch: UploadBatch, created: Created) -> None:
        self._report("debug", f"Created {len(batch.files)} artifacts in {format_precise(batch.create_s)}")
        self.create_s += batch.create_s
        self.batches_count += 1
        for described, id, instructions in zip(batch.readable, created.ids, created.instructions):
            self.sent_bytes += described.artifact.size
            described.artifact = described.artifact._replace(id=id)
            self._sender.submit(described, instructions, batch.end_one)
        batch.described = []
