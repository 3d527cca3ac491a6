"""Azure Blob storage (`https://ACCOUNT.blob.core.windows.net/CONTAINER/PATH`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Optional

from bkagent.artifacts.stores import azure_upload
from bkagent.artifacts.stores.answers import head_of
from bkagent.artifacts.stores.azure_location import HOST, LINK_LIFETIME, AzureLocation, open_client
from bkagent.artifacts.stores.fetch_range import WHOLE, FetchRange
from bkagent.artifacts.stores.md5_check import Md5Check
from bkagent.artifacts.stores.object_path import object_path
from bkagent.artifacts.stores.store import ArtifactStore, StoreUpload
from bkagent.cloud.azure.blob_client import BlobClient
from bkagent.cloud.azure.shared_key import SharedKey
from bkagent.cloud.cloud_context import CloudContext
from bkagent.config.kinds import DURATION
from bkagent.errors import Refused
from bkagent.transport.client.response import Headers
from bkagent.wire import go_url
from bkagent.wire.artifacts import Artifact, Instructions

if TYPE_CHECKING:
    from bkagent.artifacts.stores.store import Receive
    from bkagent.transport.client.answer_reader import Sink

_CHANGED = 412  # the blob is another one than that of If-Match


def open_store(destination: str, context: CloudContext) -> ArtifactStore:
    """Return the store. Raises AgentError for a destination or settings that cannot be used."""
    location = AzureLocation.parse(destination)
    client = open_client(location, context)
    return AzureBlobStore(location, client, _link_lifetime_s(context, client))


class AzureBlobStore(ArtifactStore):
    """Blobs below one folder of one container.

    link_lifetime_s  for how long anyone can read what a record's URL leads to; 0 for URLs that open nothing
    """

    title = "Azure Blob storage"
    range_bytes = azure_upload.BLOCK_BYTES

    def __init__(self, location: AzureLocation, client: BlobClient, link_lifetime_s: float) -> None:
        self._location, self._client, self._link_lifetime_s = location, client, link_lifetime_s

    def prepare(self) -> None:
        """Get an access token, where requests need one."""
        self._client.prepare()

    def url_of(self, artifact_path: str) -> str:
        """Return the blob's URL at Azure; with a lifetime a link to it, where the connection string has it."""
        container, blob = self._location.container, self._blob(artifact_path)
        credential = self._client.credential
        if self._link_lifetime_s and isinstance(credential, SharedKey):
            expires_s = self._client.clock.now() + self._link_lifetime_s
            url = self._client.url_of(container, "") + go_url.escape_segment(blob)
            return credential.read_link(url, container, blob, expires_s)
        return f"https://{self._location.account}{HOST}/" + go_url.escape_path(f"{container}/{blob}")

    def begin(self, artifact: Artifact, instructions: Optional[Instructions], saved: Mapping[str, Any]) -> StoreUpload:
        """Return the upload of a file: in one request up to the size of a block, else in blocks."""
        container, blob = self._location.container, self._blob(artifact.path)
        if artifact.size <= azure_upload.BLOCK_BYTES:
            return azure_upload.BlobUpload(self._client, container, blob, artifact)
        return azure_upload.BlockUpload(self._client, container, blob, artifact, saved)

    def fetch(self, artifact: Artifact, receive: Receive, wanted: FetchRange = WHOLE) -> None:
        """Download; where no SHA-256 is known, hold a whole download against the MD5 that Azure may have."""
        headers = wanted.headers("If-Match")
        md5 = Md5Check(receive)
        container, blob = self._location.container, self._blob(artifact.path)

        def open_sink(status: int, answered: Headers) -> Sink:
            expected = "" if artifact.sha256 or status != 200 else answered.get("Content-MD5") or ""
            return md5.open_sink(head_of(status, answered), expected)

        try:
            self._client.send("GET", container, blob, headers=headers, open_sink=open_sink, accepts=(200, 206))
        except Refused as problem:
            if problem.status != _CHANGED or "If-Match" not in headers:
                raise
            self.fetch(artifact, receive)
            return
        md5.check(artifact.path)

    def _blob(self, artifact_path: str) -> str:
        return object_path(self._location.folder, artifact_path)


def _link_lifetime_s(context: CloudContext, client: BlobClient) -> float:
    """Return for how long links last, 0 where there are to be none; a setting that cannot be met is reported."""
    text = context.environ.get(LINK_LIFETIME, "")
    if not text:
        return 0.0
    try:
        lifetime_s = DURATION.from_flag(text)
    except ValueError:
        lifetime_s = 0.0
    if not isinstance(lifetime_s, float) or lifetime_s <= 0:
        context.report("error", f'{LINK_LIFETIME} must be a duration such as 24h, not "{text}"; records get plain URLs')
        return 0.0
    if not isinstance(client.credential, SharedKey):
        context.report("error", f"{LINK_LIFETIME} needs the account's key to sign links; records get plain URLs")
        return 0.0
    return lifetime_s
