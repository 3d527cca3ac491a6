"""Messages about artifacts: their records, how to upload them, how uploads ended."""

from __future__ import annotations

from bkagent.errors import WireError
from bkagent.named_tuple import NamedTuple
from bkagent.wire.reader import Reader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Mapping, Optional, Tuple


class Artifact(NamedTuple):
    """One artifact's record.

    path                as it is searched and downloaded, with "/" between folders; "" where a record has none
    upload_destination  "" for the control plane's own storage
    url                 where the bytes are; an empty one is filled in by the control plane
    """

    path: str
    size: int
    sha1: str = ""
    sha256: str = ""
    id: str = ""
    job_id: str = ""
    absolute_path: str = ""
    url: str = ""
    upload_destination: str = ""
    content_type: str = ""
    created_at: str = ""

    def to_wire(self) -> Dict[str, Any]:
        """Return the record as a batch holds it."""
        document: Dict[str, Any] = {
            "id": self.id, "path": self.path, "absolute_path": self.absolute_path, "glob_path": "",
            "file_size": self.size, "sha1sum": self.sha1, "sha256sum": self.sha256, "job_id": self.job_id,
            "created_at": self.created_at or "0001-01-01T00:00:00Z",
        }  # fmt: skip
        for name, value in (
            ("url", self.url), ("upload_destination", self.upload_destination), ("content_type", self.content_type),
        ):  # fmt: skip
            if value:
                document[name] = value
        return document

    @classmethod
    def from_wire(cls, document: object) -> Artifact:
        """Check and convert decoded JSON. Raises WireError naming the field; unknown fields pass."""
        reader = Reader(document, "artifact")
        return cls(
            path=reader.text("path", ""), size=reader.whole("file_size", 0, low=0), sha1=reader.text("sha1sum", ""),
            sha256=reader.text("sha256sum", ""), id=reader.text("id", ""), job_id=reader.text("job_id", ""),
            absolute_path=reader.text("absolute_path", ""), url=reader.text("url", ""),
            upload_destination=reader.text("upload_destination", ""), content_type=reader.text("content_type", ""),
            created_at=reader.text("created_at", ""),
        )  # fmt: skip


class Action(NamedTuple):
    """One request that carries bytes: a whole form, or a part of a file."""

    url: str
    method: str
    path: str = ""
    file_input: str = ""
    part_number: int = 0

    def to_wire(self) -> Dict[str, Any]:
        """Return the action's document."""
        document: Dict[str, Any] = {"url": self.url, "method": self.method}
        if self.part_number:
            document["part_number"] = self.part_number
        else:
            document.update(path=self.path, file_input=self.file_input)
        return document

    @classmethod
    def from_reader(cls, reader: Reader) -> Action:
        """Convert one action; raises WireError naming the field."""
        return cls(
            url=reader.text("url"), method=reader.text("method", "POST"), path=reader.text("path", ""),
            file_input=reader.text("file_input", ""), part_number=reader.whole("part_number", 0, low=0),
        )  # fmt: skip


class Instructions(NamedTuple):
    """How to upload one artifact: `actions`, a part of the file each, where there are any; else `action`, a form."""

    action: Action
    actions: Tuple[Action, ...] = ()
    data: Mapping[str, str] = {}

    def to_wire(self) -> Dict[str, Any]:
        """Return the instructions' document."""
        document: Dict[str, Any] = {"action": self.action.to_wire(), "data": dict(self.data)}
        if self.actions:
            document["actions"] = [action.to_wire() for action in self.actions]
        return document

    @classmethod
    def from_wire(cls, document: object) -> Instructions:
        """Check and convert decoded JSON. Raises WireError naming the field."""
        reader = Reader(document, "upload instructions")
        fields = document if isinstance(document, dict) else {}
        documents = fields.get("actions") or []
        if not isinstance(documents, list):
            raise WireError("upload instructions: actions must be an array")
        actions = [
            Action.from_reader(Reader(action_document, "upload instructions, actions")) for action_document in documents
        ]
        single = reader.inner("action")
        action = Action.from_reader(single) if single is not None and not actions else Action("", "POST")
        if not actions and not action.url:
            raise WireError("upload instructions: action must say where to upload")
        ordered = tuple(sorted(actions, key=lambda action: action.part_number))
        return cls(action=action, actions=ordered, data=reader.text_map("data"))


class Created(NamedTuple):
    """The answer to a batch: ids in its order, and the instructions of each, None where there are none."""

    ids: Tuple[str, ...]
    instructions: Tuple[Optional[Instructions], ...]

    @classmethod
    def from_wire(cls, document: object, *, are_stored_elsewhere: bool = False) -> Created:
        """Check and convert decoded JSON. Raises WireError naming the field.

        Artifacts that are stored elsewhere need no instructions, and whatever there is of them is not looked at.
        """
        reader = Reader(document, "artifact batch")
        ids = reader.texts("artifact_ids")
        if are_stored_elsewhere:
            return cls(ids=ids, instructions=(None,) * len(ids))
        own, shared = reader.fields("per_artifact_instructions"), reader.fields("upload_instructions")
        template = Instructions.from_wire(shared) if shared and any(id not in own for id in ids) else None
        instructions: List[Optional[Instructions]] = []
        for id in ids:
            artifact_instructions = Instructions.from_wire(own[id]) if id in own else template
            if artifact_instructions is None:
                raise WireError(f"artifact batch: there are no upload instructions for artifact {id}")
            instructions.append(artifact_instructions)
        return cls(ids=ids, instructions=tuple(instructions))


class StateChange(NamedTuple):
    """How one upload ended. `etags` are (part number, ETag), for uploads in parts."""

    id: str
    finished: bool
    multipart: bool = False
    etags: Tuple[Tuple[int, str], ...] = ()

    def to_wire(self) -> Dict[str, Any]:
        """Return the change's document."""
        document: Dict[str, Any] = {"id": self.id, "state": "finished" if self.finished else "error"}
        if self.multipart:
            document["multipart"] = True
        if self.etags:
            document["multipart_etags"] = [{"part_number": number, "etag": etag} for number, etag in sorted(self.etags)]
        return document
