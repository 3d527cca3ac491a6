"""Where in Azure an artifact's destination leads, and which credential opens it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from bkagent.artifacts.stores.store import SILENCE_LIMIT_S
from bkagent.cloud.azure import connection_string, credential_chain, token_source
from bkagent.cloud.azure.blob_client import BlobClient
from bkagent.cloud.azure.shared_access_signature import SharedAccessSignature
from bkagent.cloud.azure.shared_key import SharedKey
from bkagent.cloud.cloud_context import CloudContext
from bkagent.errors import AgentError
from bkagent.wire.shown_text import one_line

HOST = ".blob.core.windows.net"
CONNECTION_STRING, ACCESS_KEY, LINK_LIFETIME = (
    f"BUILDKITE_AZURE_BLOB_{name}" for name in ("CONNECTION_STRING", "ACCESS_KEY", "SAS_TOKEN_DURATION")
)


@dataclass(frozen=True, repr=False)
class AzureLocation:
    """The parts of https://ACCOUNT.blob.core.windows.net/CONTAINER/FOLDER?QUERY, without their escapes.

    The query may be a shared access signature, and secret.
    """

    account: str
    container: str
    folder: str
    query: str

    @classmethod
    def parse(cls, destination: str) -> AzureLocation:
        """Read a destination. Raises AgentError."""
        parts = urlsplit(destination)
        container, _, folder = unquote(parts.path[1:], errors="surrogateescape").partition("/")
        account = parts.netloc[: -len(HOST)]
        if not account or not container or not all(letter.isalnum() or letter == "-" for letter in account):
            shown = one_line(destination.partition("?")[0])
            raise AgentError(f"the destination {shown} must be https://ACCOUNT{HOST}/CONTAINER/PATH")
        return cls(account, container, folder, parts.query)


def open_client(location: AzureLocation, context: CloudContext) -> BlobClient:
    """Return the client of a location, by the first of: connection string, key, signature in the URL, access token.

    Sends nothing. Raises AgentError for a setting that cannot be used.
    """
    endpoint = f"https://{location.account}{HOST}"
    text, key = context.environ.get(CONNECTION_STRING), context.environ.get(ACCESS_KEY)
    if text:
        access = connection_string.parse(text, CONNECTION_STRING)
        return BlobClient(context, access.endpoint, access.credential, silence_limit_s=SILENCE_LIMIT_S)
    if key:
        shared_key = SharedKey.read(location.account, key, ACCESS_KEY)
        return BlobClient(context, endpoint, shared_key, silence_limit_s=SILENCE_LIMIT_S)
    if "sig=" in location.query:
        signature = SharedAccessSignature.read(location.query, "the upload destination")
        return BlobClient(context, endpoint, signature, silence_limit_s=SILENCE_LIMIT_S)
    tokens = credential_chain.open_tokens(context, token_source.STORAGE)
    return BlobClient(context, endpoint, tokens, silence_limit_s=SILENCE_LIMIT_S)
