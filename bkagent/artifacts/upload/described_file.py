"""A file of an upload whose content has been read once."""

from __future__ import annotations

from bkagent.wire import go_decoding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from bkagent.artifacts.file_identity import FileIdentity
    from bkagent.artifacts.upload.finding.collect import MatchedFile
    from bkagent.wire.artifacts import Artifact


def sendable(path: str) -> str:
    """Return a path as JSON carries it; the bytes of a name that are not UTF-8 become replacement characters."""
    return go_decoding.replace_escaped(path)


class DescribedFile:
    """A file and the record that describes its content. A plain class: there may be 100,000 of them.

    content   of a small file, which is sent as it was read
    identity  the version of a large file that had this content; it is read again when it is sent
    """

    __slots__ = ("file", "artifact", "content", "identity")

    def __init__(
        self, file: MatchedFile, artifact: Artifact, content: Optional[bytes], identity: Optional[FileIdentity]
    ) -> None:  # fmt: skip
        self.file, self.artifact, self.content, self.identity = file, artifact, content, identity
