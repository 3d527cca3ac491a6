"""Uploads to Azure: a small file in one request, a large one in blocks that a list makes a blob of.

https://learn.microsoft.com/rest/api/storageservices/put-blob
https://learn.microsoft.com/rest/api/storageservices/put-block-list
"""

from __future__ import annotations

import base64
import os
import re
from typing import Any, Dict, Mapping, Optional

from bkagent.artifacts.stores.store import StoreUpload, UploadPart
from bkagent.cloud.azure.blob_client import BlobClient
from bkagent.errors import AgentError, Refused
from bkagent.transport.client.body import FileBody
from bkagent.wire.artifacts import Artifact
from bkagent.wire.human_size import format_size
from bkagent.wire.shown_text import one_line

# Above 4 MiB Azure writes blocks of standard accounts at their full rate:
# https://learn.microsoft.com/azure/storage/blobs/storage-blob-block-blob-premium
BLOCK_BYTES = 16 * 1024 * 1024
_BLOCKS_COUNT = 50_000
_LARGEST_BLOCK_BYTES = 4000 * 1024 * 1024
_MEBIBYTE = 1024 * 1024
_ID_DIGITS = 32
_FORBIDDEN = 403  # to list, with a signature that only lets us write
_LARGEST_LIST_BYTES = 16 * 1024 * 1024
_LISTED_BLOCK = re.compile(rb"<Block>\s*<Name>([A-Za-z0-9+/=]+)</Name>\s*<Size>(\d{1,12})</Size>\s*</Block>")


class BlobUpload(StoreUpload):
    """A whole file in one request."""

    def __init__(self, client: BlobClient, container: str, blob: str, artifact: Artifact) -> None:
        self._client, self._container, self._blob, self._artifact = client, container, blob, artifact
        self.parts = (UploadPart(1, 0, artifact.size),)

    def send(self, part: UploadPart, body: FileBody) -> str:
        headers = {"x-ms-blob-type": "BlockBlob", "x-ms-blob-content-type": self._artifact.content_type}
        self._client.send("PUT", self._container, self._blob, headers=headers, body=body, accepts=(201,))
        return ""

    def finish(self, tags: Mapping[int, str]) -> Mapping[int, str]:
        return {}

    def abandon(self) -> None:
        """Do nothing: Azure keeps nothing of a request that it did not read to its end."""


class BlockUpload(StoreUpload):
    """A file in blocks, which Azure keeps for a week until a list names them."""

    in_parts = True

    def __init__(
        self, client: BlobClient, container: str, blob: str, artifact: Artifact, saved: Mapping[str, Any]
    ) -> None:
        """Ask for the blocks of an earlier run, if `saved` names one. Raises AgentError for too large a file."""
        self._client, self._container, self._blob, self._artifact = client, container, blob, artifact
        block_bytes = _block_bytes(artifact)
        self.parts = tuple(
            UploadPart(number, offset, min(block_bytes, artifact.size - offset))
            for number, offset in enumerate(range(0, artifact.size, block_bytes), 1)
        )
        self._upload_id = _saved_id(saved, block_bytes)
        stored = self._stored_blocks() if self._upload_id else {}
        self.kept_tags = stored or {}
        if stored == {}:
            self._upload_id = os.urandom(_ID_DIGITS // 2).hex()
        self.saved = {"upload": self._upload_id, "block_bytes": block_bytes}

    def send(self, part: UploadPart, body: FileBody) -> str:
        block = self._block_id(part.number)
        query = (("comp", "block"), ("blockid", block))
        self._client.send("PUT", self._container, self._blob, query=query, headers={}, body=body, accepts=(201,))
        return block

    def finish(self, tags: Mapping[int, str]) -> Mapping[int, str]:
        """Commit the blocks; named as the latest ones, so that a list whose answer was lost may be sent again."""
        names = "".join(f"<Latest>{self._block_id(part.number)}</Latest>" for part in self.parts)
        document = f'<?xml version="1.0" encoding="utf-8"?><BlockList>{names}</BlockList>'
        headers = {"x-ms-blob-content-type": self._artifact.content_type, "Content-Type": "application/xml"}
        query = (("comp", "blocklist"),)
        self._client.send(
            "PUT", self._container, self._blob, query=query, headers=headers, body=document.encode(), accepts=(201,)
        )  # fmt: skip
        return {}

    def abandon(self) -> None:
        """Do nothing: no request removes blocks without a list, which Azure drops after a week."""

    def _block_id(self, number: int) -> str:
        """Return the name of a block: unlike those of other uploads of the same blob, and all of one length."""
        return base64.b64encode(f"{self._upload_id}-{number:05d}".encode()).decode("ascii")

    def _stored_blocks(self) -> Optional[Dict[int, str]]:
        """Return number and name of the blocks of an earlier run that Azure still has; None if we may not know."""
        query = (("comp", "blocklist"), ("blocklisttype", "uncommitted"))
        try:
            response = self._client.send(
                "GET", self._container, self._blob, query=query, headers={}, accepts=(200,)
            )  # fmt: skip
        except Refused as problem:
            return None if problem.status == _FORBIDDEN else {}
        listed = {name: int(size) for name, size in _LISTED_BLOCK.findall(response.body[:_LARGEST_LIST_BYTES])}
        stored: Dict[int, str] = {}
        for part in self.parts:
            name = self._block_id(part.number)
            if listed.get(name.encode()) == part.size:
                stored[part.number] = name
        return stored


def _block_bytes(artifact: Artifact) -> int:
    """Return the size of all blocks but the last one, in whole mebibytes."""
    smallest = -(-artifact.size // _BLOCKS_COUNT)
    size = max(BLOCK_BYTES, -(-smallest // _MEBIBYTE) * _MEBIBYTE)
    if size > _LARGEST_BLOCK_BYTES:
        raise AgentError(
            f"{one_line(artifact.path)} has {format_size(artifact.size)}; Azure Blob storage takes "
            f"{format_size(_BLOCKS_COUNT * _LARGEST_BLOCK_BYTES)} at most"
        )
    return size


def _saved_id(saved: Mapping[str, Any], block_bytes: int) -> str:
    """Return the ID of an earlier upload with the same blocks, "" for anything else."""
    text = saved.get("upload")
    fits = isinstance(text, str) and re.fullmatch(f"[0-9a-f]{{{_ID_DIGITS}}}", text, re.ASCII)
    return str(text) if fits and saved.get("block_bytes") == block_bytes else ""
