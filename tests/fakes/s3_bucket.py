"""A bucket of moto's server, seen by requests that need no signature: what is in it, and how it is kept."""

from __future__ import annotations

import http.client
import uuid
from typing import Dict, List, Tuple
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree

from tests.fakes import moto

_XMLNS = "{http://s3.amazonaws.com/doc/2006-03-01/}"


class MotoBucket:
    """A new bucket in moto.REGION."""

    def __init__(self, url: str, region: str = moto.REGION) -> None:
        self.url, self.name = url, f"b-{uuid.uuid4().hex[:12]}"
        location = (
            f"<CreateBucketConfiguration><LocationConstraint>{region}</LocationConstraint></CreateBucketConfiguration>"
        )
        self._ask("PUT", "", location.encode(), region=region)

    def object_keys(self, query: str = "list-type=2&max-keys=1000") -> List[str]:
        """Return the keys of all objects."""
        listed = ElementTree.fromstring(self._ask("GET", f"?{query}")[1])
        return [entry.findtext(f"{_XMLNS}Key") or "" for entry in listed.iter(f"{_XMLNS}Contents")]

    def uploads_count(self) -> int:
        """Return how many multipart uploads are under way."""
        listed = ElementTree.fromstring(self._ask("GET", "?uploads")[1])
        return len(list(listed.iter(f"{_XMLNS}Upload")))

    def content(self, key: str) -> bytes:
        """Return the bytes of an object."""
        return self._ask("GET", "/" + quote(key))[1]

    def head(self, key: str) -> Dict[str, str]:
        """Return the headers of an object, by names in lower case."""
        return self._ask("HEAD", "/" + quote(key))[0]

    def grants(self, key: str) -> List[Tuple[str, str]]:
        """Return (whom, what) of its access list."""
        listed = ElementTree.fromstring(self._ask("GET", f"/{quote(key)}?acl")[1])
        grants = [grant for grant in listed.iter() if grant.tag.endswith("Grant")]
        return sorted(
            tuple("".join(element.itertext()).strip() for element in list(grant)[:2])
            for grant in grants  # type: ignore[misc]
        )

    def _ask(
        self, method: str, target: str, body: bytes = b"", region: str = moto.REGION
    ) -> "Tuple[Dict[str, str], bytes]":
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=60)
        credential = f"Credential={moto.ACCESS_KEY_ID}/20261130/{region}/s3/aws4_request"
        headers = {"Authorization": f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=0"}
        connection.request(method, f"/{self.name}{target}", body, headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        assert answer.status < 300, (method, target, answer.status, text)
        return {name.lower(): value for name, value in answer.getheaders()}, text
