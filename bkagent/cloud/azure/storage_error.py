"""What Azure's storage answers when it refuses: https://learn.microsoft.com/rest/api/storageservices/status-and-error-codes2"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

from bkagent.errors import AgentError, Refused, Unavailable
from bkagent.transport.response import Response
from bkagent.wire.digits import is_whole
from bkagent.wire.shown_text import one_line

_READ_BYTES = 16 * 1024
_SHOWN_LETTERS = 300
_CODE = re.compile(r"<Code>\s*([A-Za-z0-9]{1,80})\s*</Code>")
_MESSAGE = re.compile(r"<Message>([^<]*)</Message>")


@dataclass(frozen=True)
class StorageError:
    """`code` is "" where the answer is not from Azure; `message` is its first line, since identifiers follow."""

    code: str
    message: str


def read(response: Response) -> StorageError:
    """Return the error of an answer, be it XML or not."""
    text = response.body[:_READ_BYTES].decode("utf-8", "replace")
    code, message = _CODE.search(text), _MESSAGE.search(text)
    name = code.group(1) if code else response.headers.get("x-ms-error-code") or ""
    words = html.unescape(message.group(1)).strip() if message and name else ""
    return StorageError(one_line(name[:80]), one_line(words.splitlines()[0][:_SHOWN_LETTERS]) if words else "")


def error_of(what: str, response: Response) -> AgentError:
    """Return the error to raise; `what` is "METHOD URL", without the query."""
    problem = read(response)
    text = f"{what}: {response.status}"
    if problem.code:
        text += f" {problem.code}" + (f": {problem.message}" if problem.message else "")
    elif response.status in (301, 302, 303, 307, 308):
        text += ": the storage must not redirect; the destination must name the account's own address"
    else:
        text += ": the answer is not Azure's, which would have named an error code"
    if response.status in (408, 429) or response.status >= 500:
        pause = (response.headers.get("Retry-After") or "").strip()
        return Unavailable(text, response.status, float(pause) if is_whole(pause) else None)
    return Refused(text, response.status)
