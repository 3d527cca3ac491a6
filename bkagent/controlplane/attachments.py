"""Records of what jobs attach to a build: artifacts and annotations. All frozen, moments as in `records`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ArtifactRecord:
    """A file that a job uploads. `state`: new, finished, error, deleted; `path` is its path in the job, never here."""

    id: str
    build_id: str
    job_id: str
    path: str
    state: str
    created_at: float
    absolute_path: str = ""
    file_size: int = 0
    sha1sum: str = ""
    sha256sum: str = ""
    content_type: str = ""
    upload_destination: str = ""
    url: str = ""
    sequence: int = 0


@dataclass(frozen=True)
class ArtifactSpec:
    """A file as a job announces it before the upload. `url` is set if the bytes go elsewhere."""

    path: str
    absolute_path: str = ""
    file_size: int = 0
    sha1sum: str = ""
    sha256sum: str = ""
    content_type: str = ""
    upload_destination: str = ""
    url: str = ""


@dataclass(frozen=True)
class Annotation:
    """A note on a build (`scope` "build") or on a job ("job"). The body is Markdown, not to be trusted."""

    id: str
    build_id: str
    job_id: str
    context: str
    scope: str
    style: str
    body: str
    priority: int
    created_at: float
    updated_at: float
