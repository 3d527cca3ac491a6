"""Uploads to S3: a small file in one request, a large one in parts that a later run can go on with."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional, Tuple
from xml.sax.saxutils import escape

from bkagent.artifacts.stores.amazon_s3.bucket import S3Bucket, path_of
from bkagent.artifacts.stores.answers import check_is_no_page
from bkagent.artifacts.stores.store import StoreUpload, UploadPart
from bkagent.cloud import xml_answer
from bkagent.cloud.aws.client import AwsRequest
from bkagent.cloud.aws.error_answers import AwsRefused, AwsUnavailable
from bkagent.errors import AgentError, WireError
from bkagent.transport.client.body import FileBody
from bkagent.wire.artifacts import Artifact
from bkagent.wire.digits import is_whole
from bkagent.wire.human_size import format_size
from bkagent.wire.shown_text import one_line

# docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
_LARGEST_OBJECT_BYTES = 5 * 1024**4
_MOST_PARTS = 10_000
_MIB = 1024 * 1024
# Parts of 5 MiB are the least; with larger ones there are fewer requests, with smaller ones less is sent twice.
_PART_BYTES = 8 * _MIB
_PARTS_FROM_BYTES = 2 * _PART_BYTES
_READ_BYTES = _MIB


@dataclass(frozen=True)
class NewObject:
    """What is uploaded, and the headers that its object gets."""

    artifact: Artifact
    key: str
    headers: Mapping[str, str]

    @property
    def path(self) -> str:
        """The path of requests for it."""
        return path_of(self.key)


def begin(bucket: S3Bucket, new: NewObject, saved: Mapping[str, Any]) -> StoreUpload:
    """Begin an upload, or go on with the one that `saved` names. Raises AgentError for a file that is too large."""
    size = new.artifact.size
    if size > _LARGEST_OBJECT_BYTES:
        raise AgentError(
            f"{one_line(new.artifact.path)} has {format_size(size)}, and an object of Amazon S3 has "
            f"{format_size(_LARGEST_OBJECT_BYTES)} at most"
        )
    if size <= _PARTS_FROM_BYTES:
        return SingleUpload(bucket, new)
    return _resumed(bucket, new, saved) or _begun(bucket, new)


class SingleUpload(StoreUpload):
    """A whole file in one request."""

    def __init__(self, bucket: S3Bucket, new: NewObject) -> None:
        self._bucket, self._new = bucket, new
        self.parts = (UploadPart(1, 0, new.artifact.size),)

    def send(self, part: UploadPart, body: FileBody) -> str:
        """Send the file, with its checksum where that is known: S3 compares and keeps it, other servers refuse it."""
        headers, sha256 = dict(self._new.headers), self._new.artifact.sha256
        if sha256 and self._bucket.is_amazons:
            headers["x-amz-checksum-sha256"] = b64encode(bytes.fromhex(sha256)).decode("ascii")
        payload = "" if self._bucket.has_tls else sha256 or _sha256_of(body)
        response = self._bucket.send(AwsRequest("PUT", self._new.path, (), headers, body, payload))
        check_is_no_page("PUT", f"s3://{self._bucket.name}{self._new.path}", response)
        return ""

    def finish(self, tags: Mapping[int, str]) -> Mapping[int, str]:
        """Do nothing: the object is there."""
        return {}

    def abandon(self) -> None:
        """Do nothing: there is nothing of an object that has not arrived whole."""


class MultipartUpload(StoreUpload):
    """A file in parts of one size; the last has what is left."""

    in_parts = True

    def __init__(
        self, bucket: S3Bucket, new: NewObject, upload_id: str, part_bytes: int, kept_tags: Mapping[int, str]
    ) -> None:
        self._bucket, self._new, self._upload_id = bucket, new, upload_id
        self.parts = _parts(new.artifact.size, part_bytes)
        self.kept_tags = kept_tags
        self.saved = {"key": new.key, "upload_id": upload_id, "part_bytes": part_bytes}

    def send(self, part: UploadPart, body: FileBody) -> str:
        """Send one part; return its ETag."""
        query = (("partNumber", str(part.number)), ("uploadId", self._upload_id))
        payload = "" if self._bucket.has_tls else _sha256_of(body)
        response = self._bucket.send(AwsRequest("PUT", self._new.path, query, {}, body, payload))
        tag = response.headers.get("ETag")
        if not tag:
            raise WireError(f"part {part.number} of {one_line(self._new.artifact.path)}: S3 answered without an ETag")
        return tag

    def finish(self, tags: Mapping[int, str]) -> Mapping[int, str]:
        """Make one object of the parts."""
        pieces = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(tag)}</ETag></Part>"
            for number, tag in sorted(tags.items())
        )
        body = f"<CompleteMultipartUpload>{pieces}</CompleteMultipartUpload>".encode()
        headers = {"Content-Type": "application/xml"}
        request = AwsRequest("POST", self._new.path, (("uploadId", self._upload_id),), headers, body)
        try:
            answer = self._bucket.send(request)
        except AwsRefused as problem:
            if problem.code == "NoSuchUpload" and self._is_complete():
                return {}  # an earlier try has done it, and its answer was lost
            raise
        element = xml_answer.parse(answer.body, "the answer of Amazon S3 to the end of an upload")
        if element.tag == "Error":
            # S3 answers 200 before it knows how that ends.
            code, text = (one_line(xml_answer.child_text(element, name))[:200] for name in ("Code", "Message"))
            raise AwsUnavailable(f"the upload could not be completed: {code}: {text}", answer.status, code)
        return {}

    def abandon(self) -> None:
        """Have S3 delete the parts, for which it would charge."""
        self._bucket.send(AwsRequest("DELETE", self._new.path, (("uploadId", self._upload_id),)))

    def _is_complete(self) -> bool:
        """Return whether the object is there, made of as many parts as ours."""
        try:
            headers = self._bucket.send(AwsRequest("HEAD", self._new.path)).headers
        except AwsRefused:
            return False
        is_ours = (headers.get("ETag") or "").strip('"').endswith(f"-{len(self.parts)}")
        return is_ours and headers.get("Content-Length") == str(self._new.artifact.size)


def _begun(bucket: S3Bucket, new: NewObject) -> MultipartUpload:
    answer = bucket.send(AwsRequest("POST", new.path, (("uploads", ""),), new.headers))
    what = "the answer of Amazon S3 to the begin of an upload"
    upload_id = xml_answer.child_text(xml_answer.parse(answer.body, what), "UploadId")
    if not upload_id:
        raise WireError(f"{what} has no UploadId")
    size = new.artifact.size
    part_bytes = max(_PART_BYTES, -(-size // _MOST_PARTS // _MIB) * _MIB)
    return MultipartUpload(bucket, new, upload_id, part_bytes, {})


def _resumed(bucket: S3Bucket, new: NewObject, saved: Mapping[str, Any]) -> Optional[MultipartUpload]:
    """Return the upload that was saved, with the parts that S3 has; None where it cannot be gone on with."""
    upload_id, part_bytes = saved.get("upload_id"), saved.get("part_bytes")
    if saved.get("key") != new.key or not isinstance(upload_id, str) or not upload_id or len(upload_id) > 1024:
        return None
    if isinstance(part_bytes, bool) or not isinstance(part_bytes, int) or not 5 * _MIB <= part_bytes <= 5 * 1024 * _MIB:
        return None
    parts = _parts(new.artifact.size, part_bytes)
    if not 1 < len(parts) <= _MOST_PARTS:
        return None
    try:
        kept = _kept_parts(bucket, new.key, upload_id)
    except AwsRefused as problem:
        if problem.status == 404:
            return None
        raise
    tags = {part.number: kept[part.number][0] for part in parts if kept.get(part.number, ("", -1))[1] == part.size}
    return MultipartUpload(bucket, new, upload_id, part_bytes, tags)


def _kept_parts(bucket: S3Bucket, key: str, upload_id: str) -> Dict[int, Tuple[str, int]]:
    """Return the parts that S3 has: number -> (ETag, size). It lists 1,000 at a time."""
    kept: Dict[int, Tuple[str, int]] = {}
    after = ""
    what = "the answer of Amazon S3 about the parts of an upload"
    for _ in range(_MOST_PARTS):
        query = [("uploadId", upload_id)] + ([("part-number-marker", after)] if after else [])
        element = xml_answer.parse(bucket.send(AwsRequest("GET", path_of(key), query)).body, what)
        if not element.tag.startswith("ListParts"):
            raise WireError(f"{what} is a {one_line(element.tag)[:40]}")
        for part in element.iter("Part"):
            texts = [xml_answer.child_text(part, name) for name in ("PartNumber", "Size", "ETag")]
            if not (is_whole(texts[0]) and is_whole(texts[1]) and texts[2]):
                raise WireError(f"{what} has a part without number, size or ETag")
            kept[int(texts[0])] = texts[2], int(texts[1])
        next_marker = xml_answer.child_text(element, "NextPartNumberMarker")
        if xml_answer.child_text(element, "IsTruncated") != "true" or next_marker in ("", after):
            return kept
        after = next_marker
    return kept


def _parts(size: int, part_bytes: int) -> Tuple[UploadPart, ...]:
    offsets = range(0, size, part_bytes)
    return tuple(UploadPart(at // part_bytes + 1, at, min(part_bytes, size - at)) for at in offsets)


def _sha256_of(body: FileBody) -> str:
    """Return the checksum of a range of a file. Raises AgentError where it cannot be read."""
    digest, left = hashlib.sha256(), body.size
    try:
        with open(body.path, "rb") as file:
            file.seek(body.offset)
            while left:
                data = file.read(min(_READ_BYTES, left))
                if not data:
                    break
                digest.update(data)
                left -= len(data)
    except OSError as problem:
        raise AgentError(f"cannot read {body.path}: {problem.strerror or problem}") from problem
    return digest.hexdigest()
