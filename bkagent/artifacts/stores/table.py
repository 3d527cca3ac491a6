"""The stores that artifacts can go to, a row each. A store's module is loaded when a destination names it."""

from __future__ import annotations

from bkagent.errors import AgentError
from bkagent.named_tuple import NamedTuple
from bkagent.wire.shown_text import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Tuple

    from bkagent.artifacts.stores.store import ArtifactStore
    from bkagent.cloud.cloud_context import CloudContext

_ENTRY = "open_store"  # the function of a store's module
_AZURE_HOST = ".blob.core.windows.net"


def _is_azure(destination: str) -> bool:
    """Return whether it is https://ACCOUNT.blob.core.windows.net/CONTAINER/…; the last slash must be there."""
    if _AZURE_HOST not in destination:
        return False
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(destination)
    except ValueError:  # a malformed address in brackets
        return False
    return parts.scheme == "https" and parts.netloc.endswith(_AZURE_HOST) and "/" in parts.path[1:]


def _has_scheme(scheme: str) -> Callable[[str], bool]:
    return lambda destination: destination.startswith(scheme + "://")


class StoreRow(NamedTuple):
    """One kind of store.

    title   in messages
    names   whether a destination is of this kind
    module  of this folder; its `open_store(destination, context)` returns the store, or raises AgentError for a
            destination or settings that cannot be used, without a request
    """

    title: str
    names: Callable[[str], bool]
    module: str


STORES: Tuple[StoreRow, ...] = (
    StoreRow("Amazon S3", _has_scheme("s3"), "s3"),
    StoreRow("Google Cloud Storage", _has_scheme("gs"), "google_storage"),
    StoreRow("Artifactory", _has_scheme("rt"), "artifactory"),
    StoreRow("Azure Blob storage", _is_azure, "azure_blob"),
)


def is_destination(destination: str) -> bool:
    """Return whether a destination names a store, valid or not as the rest of it may be."""
    return any(row.names(destination) for row in STORES)


def without_secrets(destination: str) -> str:
    """Return a destination for logs and records: that of Azure may have a signature in its query, which is secret."""
    return destination.partition("?")[0] if _is_azure(destination) else destination


def open_store(destination: str, context: CloudContext) -> ArtifactStore:
    """Return the store of a destination; "" is the control plane's own. Raises AgentError if it is invalid."""
    if not destination:
        from bkagent.artifacts.stores.hosted import HostedStore

        return HostedStore(context.pool, context.user_agent)
    for row in STORES:
        if row.names(destination):
            from importlib import import_module

            module = import_module(f"bkagent.artifacts.stores.{row.module}")
            store: ArtifactStore = getattr(module, _ENTRY)(destination, context)
            return store
    raise AgentError(
        f"invalid upload destination: '{one_line(destination)}'. It must begin with s3://, gs://, rt:// or be "
        "https://ACCOUNT.blob.core.windows.net/CONTAINER/...; were the artifact paths unquoted, so that the shell "
        "expanded them?"
    )
