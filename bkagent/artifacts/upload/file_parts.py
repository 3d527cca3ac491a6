"""Files in the parts of their store, one or many: each is begun, sent in its parts, and finished.

A request that fails is tried again by itself. What no try sends fails the artifact.
"""

from __future__ import annotations

import threading

from bkagent.artifacts import digests
from bkagent.artifacts.file_identity import FileChanged, FileWatch
from bkagent.artifacts.upload.journal.upload_journal import places_of
from bkagent.errors import AgentError, Cancelled, ConfigError
from bkagent.transport.client.body import FileBody
from bkagent.transport.retry import retry
from bkagent.wire.shown_text import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Sequence, TypeVar

    from bkagent.artifacts.stores.store import StoreUpload, UploadPart
    from bkagent.artifacts.upload.send_context import SendContext
    from bkagent.artifacts.upload.sending import Sending
    from bkagent.artifacts.upload.steps import SendingSteps, Work

    T = TypeVar("T")


class FileParts:
    """Thread-safe. `requests_count` is of the parts that were to be sent, whole files among them."""

    def __init__(self, context: SendContext, steps: SendingSteps) -> None:
        self._context, self._steps, self._journal = context, steps, context.arrivals.journal
        self._lock = threading.Lock()
        self.requests_count = 0

    def begin(self, sending: Sending) -> None:
        """Begin an upload, or go on with that of an earlier run, and have the missing parts sent."""
        artifact, memory = sending.artifact, self._journal.memory(sending.artifact.id)
        if memory.told is not None:
            self._context.progress.add(artifact.size)
            if not memory.is_reported:
                self._context.arrivals.report(artifact.id, memory.told)
            return
        store = self._context.store
        upload = self._try(sending, lambda: store.begin(artifact, sending.instructions, memory.saved))
        sending.upload = upload
        if memory.places and memory.places == places_of(upload.parts) and memory.saved == upload.saved:
            sending.tags.update(memory.tags)
        elif len(upload.parts) > 1 or upload.saved:
            self._journal.note_begun(artifact.id, upload.saved, upload.parts)
        sending.tags.update(upload.kept_tags)
        self._context.progress.add(sum(part.size for part in upload.parts if part.number in sending.tags))
        self._send_all(sending, upload, [part for part in upload.parts if part.number not in sending.tags])

    def _send_all(self, sending: Sending, upload: StoreUpload, parts: Sequence[UploadPart]) -> None:
        """Send these parts, here or by steps of their own; finish an upload that has none left."""
        with self._lock:
            self.requests_count += len(parts) - sending.is_announced
        if not parts:
            self._finish(sending, upload)
        elif upload.sequential or len(parts) == 1:
            for part in parts:
                self._send(sending, upload, part)
        else:
            self._steps.announce(sending, len(parts) - 1)
            for part in parts[1:]:
                self._steps.put(sending, self._sending_of(upload, part))
            self._send(sending, upload, parts[0])

    def _sending_of(self, upload: StoreUpload, part: UploadPart) -> Work:
        return lambda sending: self._send(sending, upload, part)

    def _send(self, sending: Sending, upload: StoreUpload, part: UploadPart) -> None:
        """Send one part, and finish the artifact with the last of them."""
        if not sending.is_announced:
            is_part, parts_count = upload.in_parts, len(upload.parts)
            text = sending.announcement_of(part, parts_count) if is_part else sending.announcement
            self._context.report("info", text)
        tag = self._try(sending, lambda: self._send_once(sending, upload, part))
        if len(upload.parts) > 1:
            self._journal.note_part(sending.artifact.id, part.number, tag)
        with self._lock:
            sending.tags[part.number] = tag
            is_last = len(sending.tags) == len(upload.parts)
        if is_last:
            self._finish(sending, upload)

    def _send_once(self, sending: Sending, upload: StoreUpload, part: UploadPart) -> str:
        problem, sending.first_problem = sending.first_problem, None
        if problem is not None:
            raise problem
        progress = self._context.progress.of_try(part.size)
        artifact, described = sending.artifact, sending.described
        watch = FileWatch(artifact.absolute_path, described.identity, artifact.sha256, progress.add)
        body = FileBody(artifact.absolute_path, part.size, part.offset, watch=watch, content=described.content)
        try:
            tag = upload.send(part, body)
        except AgentError:
            progress.take_back()
            raise
        progress.end()
        return tag

    def _finish(self, sending: Sending, upload: StoreUpload) -> None:
        identity = sending.described.identity
        if len(upload.parts) > 1 and identity is not None and identity.is_fresh:
            self._read_again(sending)
        told = self._try(sending, lambda: upload.finish(sending.tags))
        self._context.arrivals.note(sending.artifact.id, told)

    def _read_again(self, sending: Sending) -> None:
        """Raise FileChanged if a file that was fresh when it was read has another sum by now: parts have none."""
        artifact = sending.artifact
        read = digests.read(artifact.absolute_path, lambda: self._context.stop.requested)
        if read.sha256 != artifact.sha256:
            raise FileChanged(artifact.absolute_path)

    def _try(self, sending: Sending, request: Callable[[], T]) -> T:
        """Return what `request` returns. Raises the last error of it, and Cancelled once the artifact is stopped."""

        def attempt(number: int) -> T:
            if sending.is_stopped:
                raise Cancelled(f"{sending.artifact.path} was cancelled")
            return request()

        return retry(
            attempt, self._context.schedule, wait=sending.wait, report=self._context.report,
            what=one_line(sending.artifact.path), may_retry=self._may_retry,
        )  # fmt: skip

    def _may_retry(self, error: Exception) -> bool:
        """Any response of the storage may change with a retry; a file or a setting that is of no use will not."""
        is_final = type(error) is AgentError or isinstance(error, (Cancelled, ConfigError, FileChanged))
        return not self._context.stop.requested and not is_final
