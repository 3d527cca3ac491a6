"""Which bytes a download asks for."""

from __future__ import annotations

from bkagent.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Optional


class FetchRange(NamedTuple):
    """So many bytes from an offset on, or all that follow where `size` is None.

    version  the content that they are to be of, as a store has named it before; "" for any
    """

    start_offset: int = 0
    size: Optional[int] = None
    version: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether nothing of the artifact is left out."""
        return not self.start_offset and self.size is None

    def headers(self, condition: str = "") -> Dict[str, str]:
        """Return headers that ask for these bytes; none for the whole artifact.

        `condition` is the header by which the store takes the version: "If-Range", "If-Match" (RFC 9110, 13.1). Nothing
        may be compressed on the way, since offsets count the bytes that were uploaded.
        """
        if self.is_whole:
            return {}
        last = "" if self.size is None else str(self.start_offset + self.size - 1)
        headers = {"Range": f"bytes={self.start_offset}-{last}", "Accept-Encoding": "identity"}
        if condition and self.version:
            headers[condition] = self.version
        return headers


WHOLE = FetchRange()
