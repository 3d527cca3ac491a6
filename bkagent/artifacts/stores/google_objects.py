"""Names and URLs of objects in Google Cloud Storage: what follows from a destination, without a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping

from bkagent.artifacts.stores.object_path import object_path
from bkagent.errors import AgentError
from bkagent.wire import go_url
from bkagent.wire.shown_text import one_line

HOST_VARIABLE = "BUILDKITE_GCS_ACCESS_HOST"
PREFIX_VARIABLE = "BUILDKITE_GCS_PATH_PREFIX"
SUFFIX_VARIABLE = "BUILDKITE_GCS_PATH_SUFFIX"
_HOST = "storage.googleapis.com"
_SCHEME = "gs://"


@dataclass(frozen=True)
class ObjectFolder:
    """A bucket, and a folder in it, "" for its root."""

    bucket: str
    path: str

    @classmethod
    def of(cls, destination: str) -> ObjectFolder:
        """Return the folder that gs://BUCKET/PATH names. Raises AgentError without a bucket."""
        bucket, _, path = destination[len(_SCHEME) :].partition("/")
        if not bucket:
            raise AgentError(f"invalid upload destination: '{one_line(destination)}'. It must be gs://BUCKET/PATH")
        return cls(bucket, path)

    def name_of(self, artifact_path: str) -> str:
        """Return the name of an artifact's object: below a folder, without empty parts, "." and ".."."""
        return object_path(self.path, artifact_path, keeps_backslashes=True)

    def url_of(self, artifact_path: str, environ: Mapping[str, str]) -> str:
        """Return the URL for the record of an artifact.

        A variable that is set counts even if it is empty, but for the host: "" as the prefix leaves the bucket out,
        for hosts that serve one bucket. Source: internal/artifact/gs_uploader.go of buildkite/agent.
        """
        prefix = environ.get(PREFIX_VARIABLE, self.bucket)
        path = object_path(prefix, self.name_of(artifact_path), keeps_backslashes=True)
        host = environ.get(HOST_VARIABLE) or _HOST
        suffix = environ.get(SUFFIX_VARIABLE, "")
        return f"https://{host}/{go_url.escape_path(path + suffix)}"
