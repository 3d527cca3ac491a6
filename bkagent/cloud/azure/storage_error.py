"""What Azure's storage answers when it refuses: https://learn.microsoft.com/rest/api/storageservices/status-and-error-codes2"""

from __future__ import annotations

from dataclasses import dataclass

from bkagent.cloud import xml_answer
from bkagent.errors import AgentError, Refused, Unavailable, WireError
from bkagent.transport.client.response import Response
from bkagent.wire.digits import is_whole
from bkagent.wire.shown_text import one_line

_ADVICE = {
    "AuthenticationFailed": "check the account key, or the shared access signature",
    "AuthorizationPermissionMismatch": "the identity needs a role that may write blobs: Storage Blob Data Contributor",
}
_SHOWN_LETTERS, _LONGEST_CODE = 300, 80


@dataclass(frozen=True)
class StorageError:
    """`code` is "" where the answer is not from Azure; `message` is its first line, since identifiers follow."""

    code: str
    message: str


def read(response: Response) -> StorageError:
    """Return the error of an answer, be it XML or not."""
    code = message = ""
    try:
        error = xml_answer.parse(response.body, "the answer of Azure's storage")
        if error.tag == "Error":
            code, message = xml_answer.child_text(error, "Code"), xml_answer.child_text(error, "Message")
    except WireError:
        pass  # answers to HEAD have no body, and those of proxies are pages
    if len(code) > _LONGEST_CODE or not (code.isascii() and code.isalnum()):
        code = ""
    code = code or response.headers.get("x-ms-error-code") or ""
    first_line = message.splitlines()[0] if message and code else ""
    return StorageError(one_line(code[:_LONGEST_CODE]), one_line(first_line[:_SHOWN_LETTERS]))


def error_of(what: str, response: Response) -> AgentError:
    """Return the error to raise; `what` is "METHOD URL", without the query."""
    problem = read(response)
    text = f"{what}: {response.status}"
    if problem.code:
        text += f" {problem.code}" + (f": {problem.message}" if problem.message else "")
        if problem.code in _ADVICE:
            text = f"{text.rstrip('.')}; {_ADVICE[problem.code]}"
    elif response.status in (301, 302, 303, 307, 308):
        text += ": the storage must not redirect; the destination must name the account's own address"
    else:
        text += ": the answer is not Azure's, which would have named an error code"
    if response.status in (408, 429) or response.status >= 500:
        pause = (response.headers.get("Retry-After") or "").strip()
        return Unavailable(text, response.status, float(pause) if is_whole(pause) else None)
    return Refused(text, response.status)
