"""What variables say of artifacts in Amazon S3, and where a destination puts them."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import Mapping, Optional
from urllib.parse import quote, urlsplit, urlunsplit

from bkagent.cloud.aws.credentials import AwsCredentials
from bkagent.config.options.artifacts import NO_S3_MULTIPART_DOWNLOAD
from bkagent.config.secret import Secret
from bkagent.errors import ConfigError
from bkagent.wire.shown_text import one_line

# docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html#canned-acl, as far as they are for objects.
CANNED_ACLS = (
    "private", "public-read", "public-read-write", "authenticated-read", "aws-exec-read", "bucket-owner-read",
    "bucket-owner-full-control",
)  # fmt: skip
_DEFAULT_ACL = "public-read"
ENDPOINT, REGION = "BUILDKITE_S3_ENDPOINT", "BUILDKITE_S3_DEFAULT_REGION"
# What Go leaves as it is in the path of a URL (net/url, EscapedPath), by which the reference writes records.
_UNESCAPED_BY_GO = "-_.~$&+,/:;=@"


@dataclass(frozen=True)
class S3Destination:
    """s3://BUCKET/PREFIX. `prefix` is "" where artifacts go to the top of the bucket."""

    bucket: str
    prefix: str

    def key_of(self, artifact_path: str) -> str:
        """Return the key of an artifact, which is the reference's."""
        return _joined(self.prefix, artifact_path) if self.prefix else artifact_path


@dataclass(frozen=True)
class S3Settings:
    """What the variables BUILDKITE_S3_... say; "" where they say nothing.

    region         of the bucket, which is not asked for then
    endpoint       URL of a server other than Amazon's
    acl            of objects
    encrypts       whether S3 is asked to encrypt objects with its own keys
    access_url     what URLs of records begin with
    profile        of AWS's files
    credentials    of the variables themselves
    presigns       whether downloads go by URLs that are signed, instead of signed requests
    """

    region: str
    endpoint: str
    acl: str
    encrypts: bool
    access_url: str
    profile: str
    credentials: Optional[AwsCredentials]
    presigns: bool


def parse_destination(destination: str) -> S3Destination:
    """Return the parts of a destination. Raises ConfigError for one without a bucket."""
    bucket, _, prefix = destination[: -1 if destination.endswith("/") else None].partition("://")[2].partition("/")
    if not bucket or any(not (letter.isalnum() and letter.isascii()) and letter not in "-._" for letter in bucket):
        raise ConfigError(
            f"the artifact destination {one_line(destination)} must be s3://BUCKET or s3://BUCKET/PATH; the name of a "
            "bucket has letters, digits, - and ."
        )
    return S3Destination(bucket, prefix)


def read(environ: Mapping[str, str]) -> S3Settings:
    """Return what the variables say. Raises ConfigError naming the variable that is wrong."""
    acl_variable = "BUILDKITE_S3_ACL" if environ.get("BUILDKITE_S3_ACL") else "AWS_S3_ACL"
    acl = environ.get(acl_variable) or _DEFAULT_ACL
    if acl not in CANNED_ACLS:
        raise ConfigError(
            f"invalid S3 ACL value: {one_line(acl)!r} ({acl_variable}); it must be {_listed(CANNED_ACLS)}"
        )
    access_url = environ.get("BUILDKITE_S3_ACCESS_URL", "")
    if access_url and not _is_url(access_url):
        raise ConfigError("BUILDKITE_S3_ACCESS_URL must be a URL, such as https://artifacts.example.com")
    return S3Settings(
        region=environ.get(REGION, ""),
        endpoint=environ.get(ENDPOINT, ""),
        acl=acl,
        encrypts=environ.get("BUILDKITE_S3_SSE_ENABLED", "").lower() == "true",
        access_url=access_url,
        profile=environ.get("BUILDKITE_S3_PROFILE") or environ.get("AWS_PROFILE") or "",
        credentials=_credentials(environ),
        presigns=environ.get(NO_S3_MULTIPART_DOWNLOAD.env[0], "").lower() in ("1", "t", "true"),
    )


def record_url(destination: S3Destination, settings: S3Settings, artifact_path: str) -> str:
    """Return the URL of an artifact for its record."""
    base = settings.access_url or f"https://{destination.bucket}.s3.amazonaws.com"
    parts = urlsplit(base)
    path = _joined(parts.path, destination.key_of(artifact_path))
    escaped = quote(path.encode("utf-8", "surrogateescape"), safe=_UNESCAPED_BY_GO)
    if parts.netloc and not escaped.startswith("/"):
        escaped = "/" + escaped
    return urlunsplit((parts.scheme, parts.netloc, escaped, parts.query, parts.fragment))


def _credentials(environ: Mapping[str, str]) -> Optional[AwsCredentials]:
    key_id = environ.get("BUILDKITE_S3_ACCESS_KEY_ID") or environ.get("BUILDKITE_S3_ACCESS_KEY") or ""
    secret = environ.get("BUILDKITE_S3_SECRET_ACCESS_KEY") or environ.get("BUILDKITE_S3_SECRET_KEY") or ""
    if not key_id or not secret:
        return None
    token = Secret(environ.get("BUILDKITE_S3_SESSION_TOKEN", ""))
    return AwsCredentials(key_id, Secret(secret), token, "BUILDKITE_S3_ACCESS_KEY_ID")


def _joined(base: str, path: str) -> str:
    """Return two paths as one, without empty parts, "." and "..". Source: Go's path.Join."""
    whole = "/".join(part for part in (base, path) if part)
    if not whole:
        return ""
    clean = posixpath.normpath(whole)
    return clean[1:] if clean.startswith("//") else clean


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _listed(words: "tuple[str, ...]") -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"
