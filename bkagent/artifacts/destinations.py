"""Artifact destinations other than the control plane's own storage."""

from __future__ import annotations

from urllib.parse import urlsplit

from bkagent.errors import AgentError

_STORES = {"s3": "Amazon S3", "gs": "Google Cloud Storage", "rt": "Artifactory"}


def store_of(destination: str) -> str:
    """Return the name of the store that a destination names, "" if unknown."""
    parts = urlsplit(destination)
    if parts.scheme in _STORES:
        return _STORES[parts.scheme]
    if parts.scheme == "https" and (parts.hostname or "").endswith(".blob.core.windows.net"):
        return "Azure Blob storage"
    return ""


def check_upload(destination: str) -> None:
    """Raise AgentError for a destination that is invalid or not supported."""
    store = store_of(destination)
    if store:
        raise AgentError(
            f"creating uploader: uploading to {store} ({destination}) is not supported yet; without a destination, "
            "artifacts go to the control plane's own storage"
        )
    raise AgentError(
        f"creating uploader: invalid upload destination: '{destination}'. It must begin with s3://, gs://, rt:// or be "
        "https://ACCOUNT.blob.core.windows.net/...; were the artifact paths unquoted, so that the shell "
        "expanded them?"
    )


def check_download(destination: str) -> None:
    """Raise AgentError for an artifact that is in a store which cannot be read from yet."""
    store = store_of(destination)
    if store:
        raise AgentError(f"it is in {store} ({destination}), and downloading from there is not supported yet")
