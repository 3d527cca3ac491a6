"""How an upload is to be done, as its flags and variables say."""

from __future__ import annotations

from bkagent.artifacts.upload.finding.collect import Selection
from bkagent.config.options import artifacts as rows
from bkagent.named_tuple import NamedTuple
from bkagent.transport.retry import Schedule, constant, exponential

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.config.compat import Compat
    from bkagent.config.settings import Settings

SEND = constant(10, 5.0)
PREPARE = exponential(10, 2.0, (0.0, 1.0))


class UploadOptions(NamedTuple):
    """How to upload.

    destination   "" for the control plane's own storage
    content_type  of every file; "" to tell it from names
    concurrency   requests at a time; 0 for our own choice
    multipart     whether large files may be sent in parts
    schedule      of retries of what the storage does not take, and `preparation` of its own check before that
    """

    selection: Selection = Selection()
    destination: str = ""
    content_type: str = ""
    concurrency: int = 0
    multipart: bool = True
    schedule: Schedule = SEND
    preparation: Schedule = PREPARE

    @classmethod
    def from_settings(cls, settings: Settings, destination: str, compat: Compat) -> UploadOptions:
        """Return what the rows `config.options.artifacts.UPLOAD` say, for a version of the reference."""
        selection = Selection(
            delimiter=settings[rows.DELIMITER], literal=settings[rows.LITERAL],
            follow_symlinks=settings[rows.FOLLOW], skip_symlinks=settings[rows.SKIP_SYMLINKS],
            normalised=compat.normalises_upload_paths,
        )  # fmt: skip
        return cls(
            selection, destination, settings[rows.CONTENT_TYPE],
            concurrency=max(settings[rows.CONCURRENCY], 0),  # the reference, too, takes less than 0 for 0
            multipart=not settings[rows.NO_MULTIPART],
        )  # fmt: skip
