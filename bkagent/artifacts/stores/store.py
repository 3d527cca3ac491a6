"""What a store of artifacts does. The control plane's own storage is one of them.

A store knows its protocol: where an artifact's bytes go, in which requests, and with which signature. Everything that
is the same for all stores belongs to those who call it (`upload/`, `download/`): what is tried again and when, how
much goes at a time, checksums, whether a file has changed, progress, and the journal of an upload.

One object serves a whole run, from several threads at a time. Requests go through the pool of its CloudContext, whose
silences are limited by SILENCE_LIMIT_S. Every method that sends one tries once and raises, of `bkagent.errors`:
Unreachable and Unavailable for what may pass, Refused for what the store does not take (an upload is tried again even
then, as by the reference), WireError for an answer that cannot be read, and AgentError itself for what no other try
changes: a file that cannot be read, a setting that is missing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from bkagent.artifacts.stores.fetch_range import WHOLE, FetchRange
from bkagent.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Mapping, Optional, Tuple

    from bkagent.transport.client.address import Address
    from bkagent.transport.client.answer_reader import Sink
    from bkagent.transport.client.body import FileBody
    from bkagent.wire.artifacts import Artifact, Instructions

    Receive = Callable[["FetchedHead"], "Sink"]

SILENCE_LIMIT_S = 120.0  # a transfer may take any time, but not stand still for longer


class UploadPart(NamedTuple):
    """A range of a file's bytes that one request carries. `number` counts from 1."""

    number: int
    offset: int
    size: int


class FetchedHead(NamedTuple):
    """What a store says of a download before its first byte.

    start_offset   where the bytes that follow begin; 0 where the store did not heed the range
    whole_bytes    size of the whole artifact; None where the store does not say
    version        changes with the content (an ETag); "" where the store names none
    decompressed   the bytes came compressed, so that sizes, offsets and checksums of the upload do not hold for them
    """

    start_offset: int = 0
    whole_bytes: Optional[int] = None
    version: str = ""
    decompressed: bool = False


class WholeRequest(NamedTuple):
    """A request as it goes over the wire: `data` is head and body."""

    method: str
    url: str
    address: Address
    content_type: str
    data: bytes


class StoreUpload(ABC):
    """The upload of one artifact, from `begin` to `finish` or `abandon`.

    parts       in order of their numbers; together the whole file, and one empty part for an empty file
    in_parts    whether these are parts to the store as well; false for a file that goes in a single request
    sequential  parts go one after the other, in order; else several at a time, in any order
    saved       what `begin` needs to go on with this upload in a later run, as plain JSON
    kept_tags   part number -> tag, of the parts that the store says it has already
    """

    parts: Tuple[UploadPart, ...] = ()
    in_parts: bool = False
    sequential: bool = False
    saved: Mapping[str, Any] = {}
    kept_tags: Mapping[int, str] = {}

    @abstractmethod
    def send(self, part: UploadPart, body: FileBody) -> str:
        """Send one part, once; return the tag by which `finish` names it, "" if the store has none.

        `body` is that range of the file; with `between` a store puts its own bytes around it, with `part` it takes a
        smaller range where it has kept the beginning of an earlier try.
        """

    @abstractmethod
    def finish(self, tags: Mapping[int, str]) -> Mapping[int, str]:
        """Complete the upload, whose parts have these tags; return those that the control plane is to be told.

        These are the tags of the control plane's own storage, which it completes itself; else there are none.
        """

    @abstractmethod
    def abandon(self) -> None:
        """Have the store forget what it has of an upload that will not be finished."""


class ArtifactStore(ABC):
    """A destination of artifacts. `title` is its name in messages.

    range_bytes  larger artifacts are downloaded by ranges of this size, several at a time; 0 where one request does
    """

    title: str
    range_bytes: int = 0

    @abstractmethod
    def prepare(self) -> None:
        """Check, once a run and before anything else, what all uploads need: access, the region of a bucket."""

    @abstractmethod
    def url_of(self, artifact_path: str) -> str:
        """Return the URL that goes into the record of an artifact, "" where the control plane fills it in."""

    @abstractmethod
    def begin(self, artifact: Artifact, instructions: Optional[Instructions], saved: Mapping[str, Any]) -> StoreUpload:
        """Begin an upload, or go on with the one that `saved` names, if that is not empty and still exists.

        `saved` comes from a file and may hold anything. The control plane gives instructions for its own storage.
        """

    def whole_request(
        self, artifact: Artifact, instructions: Optional[Instructions], content: bytes
    ) -> Optional[WholeRequest]:
        """Return the request that uploads a small artifact, where one does; None where it takes `begin`.

        `begin` does the same in its own way when this request fails.
        """
        return None

    @abstractmethod
    def fetch(self, artifact: Artifact, receive: Receive, wanted: FetchRange = WHOLE) -> None:
        """Download once what is wanted of an artifact.

        `receive` is called when the store's answer begins and returns what takes the bytes; it may raise. Where a
        version is wanted, and the store has another one by now, it sends that from its start.
        """
