"""One artifact on its way to the store."""

from __future__ import annotations

import threading

from bkagent.wire.human_size import format_size
from bkagent.wire.shown_text import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Dict, Optional

    from bkagent.artifacts.stores.store import StoreUpload, UploadPart
    from bkagent.artifacts.upload.described_file import DescribedFile
    from bkagent.errors import AgentError
    from bkagent.wire.artifacts import Instructions

_event_lock = threading.Lock()


class Sending:
    """The state of one artifact, from when it is submitted to its end.

    on_end         called, in any thread, when nothing of it is under way or waits any more
    is_stopped     by its own failure, or by the end of the whole upload
    problem        why it has failed
    first_problem  of the request that a turn has sent: it counts as the first try
    is_announced   whether the user has been told of it
    tags           part number -> tag, of the parts that the store has
    steps_count    steps that were put and have not ended
    """

    __slots__ = (
        "described", "artifact", "instructions", "on_end", "is_stopped", "_stopped", "problem", "first_problem",
        "is_announced", "upload", "tags", "steps_count",
    )  # fmt: skip

    def __init__(
        self, described: DescribedFile, instructions: Optional[Instructions], on_end: Callable[[], None]
    ) -> None:  # fmt: skip
        self.described, self.artifact, self.instructions, self.on_end = (
            described, described.artifact, instructions, on_end,
        )  # fmt: skip
        self.is_stopped = False
        self._stopped: Optional[threading.Event] = None  # made when something waits, which is rare
        self.problem: Optional[AgentError] = None
        self.first_problem: Optional[AgentError] = None
        self.is_announced = False
        self.upload: Optional[StoreUpload] = None
        self.tags: Dict[int, str] = {}
        self.steps_count = 1

    def stop(self) -> None:
        """Stop it, from any thread."""
        self.is_stopped = True
        if self._stopped is not None:
            self._stopped.set()

    def wait(self, seconds: float) -> bool:
        """Wait; return whether it is stopped, as soon as that is known."""
        with _event_lock:
            if self._stopped is None:
                self._stopped = threading.Event()
        return self.is_stopped or self._stopped.wait(seconds)

    @property
    def arrived_bytes(self) -> int:
        """How much of the file the store has, in parts; 0 for one that went as a whole, which has arrived or not."""
        parts = self.upload.parts if self.upload is not None else ()
        return sum(part.size for part in parts if part.number in self.tags)

    @property
    def announcement(self) -> str:
        """What is said of a whole file, with the checksum that its download will name as well."""
        artifact = self.artifact
        size = format_size(artifact.size)
        return f"Uploading {one_line(artifact.id)} {one_line(artifact.path)} ({size}) with SHA256 {artifact.sha256}"

    def announcement_of(self, part: UploadPart, parts_count: int) -> str:
        """Return what is said of a part."""
        artifact = self.artifact
        text = f"Uploading {one_line(artifact.id)} {one_line(artifact.path)} part {part.number}/{parts_count}"
        text += f" (~{format_size(part.size)} starting at ~{format_size(part.offset)})"
        # Once is enough: a large file has hundreds of parts.
        return text + (f" with SHA256 {artifact.sha256} of the whole" if part.number == 1 else "")
