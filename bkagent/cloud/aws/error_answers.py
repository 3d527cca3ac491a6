"""Errors that services of AWS answer with, in XML or JSON, as our errors."""

from __future__ import annotations

from typing import NamedTuple

from bkagent.cloud import xml_answer
from bkagent.errors import AgentError, Refused, Unavailable, WireError
from bkagent.transport.client.response import Response
from bkagent.wire import json_text
from bkagent.wire.shown_text import message as shown

_SHOWN_LETTERS = 300
# Codes that may come with a status of 4xx and mean "later". Source: the SDKs' standard retry mode,
# docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
_TEMPORARY = frozenset(
    (
        "BandwidthLimitExceeded", "EC2ThrottledException", "IDPCommunicationError", "LimitExceededException",
        "PriorRequestNotComplete", "ProvisionedThroughputExceededException", "RequestLimitExceeded",
        "RequestThrottled", "RequestThrottledException", "RequestTimeout", "RequestTimeoutException", "SlowDown",
        "ThrottledException", "Throttling", "ThrottlingException", "TooManyRequestsException",
        "TransactionInProgressException", "OperationAborted",
    )
)  # fmt: skip
# Of requests whose time is too far from the server's.
SKEWED = frozenset(
    (
        "AuthFailure", "InvalidSignatureException", "RequestExpired", "RequestInTheFuture", "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
    )
)  # fmt: skip
EXPIRED = frozenset(("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"))


class AwsRefused(Refused):
    """A service said no. `code` is its word for why ("AccessDenied"), "" where it gave none.

    region  that S3 says a bucket is in; "" where it does not say
    """

    def __init__(self, message: str, status: int, code: str, region: str = "") -> None:
        super().__init__(message, status)
        self.code, self.region = code, region


class AwsUnavailable(Unavailable):
    """A service cannot answer now; `code` as above."""

    def __init__(self, message: str, status: int, code: str) -> None:
        super().__init__(message, status)
        self.code = code


class ErrorAnswer(NamedTuple):
    """What an answer says is wrong; both "" where it says nothing that can be read."""

    code: str
    message: str


def error_of(what: str, response: Response) -> AgentError:
    """Return the error that an answer outside of 2xx is. `what` is "METHOD URL"."""
    answer = read(response)
    words = f"{answer.code}: {answer.message}" if answer.code and answer.message else answer.code or answer.message
    location = response.headers.get("Location")
    if not words and location and 300 <= response.status < 400:
        words = f"it redirects to {shown(location.partition('?')[0][:_SHOWN_LETTERS])}"
    text = f"{what}: {response.status}" + (f" {words}" if words else "")
    if response.status == 429 or response.status >= 500 or answer.code in _TEMPORARY:
        return AwsUnavailable(text, response.status, answer.code)
    return AwsRefused(text, response.status, answer.code, response.headers.get("x-amz-bucket-region") or "")


def read(response: Response) -> ErrorAnswer:
    """Return what an answer says is wrong."""
    named = (response.headers.get("x-amzn-errortype") or "").partition(":")[0]
    body = response.body.lstrip()
    if body[:1] == b"{":
        answer = _from_json(body, named)
    elif body[:1] == b"<":
        answer = _from_xml(body, response.headers.get("content-type") or "")
    else:
        answer = ErrorAnswer(named, "")
    return ErrorAnswer(shown(answer.code[:100]), shown(answer.message.strip()[:_SHOWN_LETTERS]))


def _from_json(body: bytes, named: str) -> ErrorAnswer:
    try:
        document = json_text.loads(body)
    except ValueError:
        return ErrorAnswer(named, "")
    if not isinstance(document, dict):
        return ErrorAnswer(named, "")
    texts = {str(name).lower(): text for name, text in document.items() if isinstance(text, str)}
    code = named or texts.get("__type", "") or texts.get("code", "")
    return ErrorAnswer(code.rpartition("#")[2], texts.get("message", ""))


def _from_xml(body: bytes, content_type: str) -> ErrorAnswer:
    """`<Error>` of S3, `<ErrorResponse><Error>` of STS; pages of proxies are named as what they are."""
    try:
        element = xml_answer.parse(body, "the answer")
    except WireError:
        return ErrorAnswer("", "the answer is an HTML page of something in between" if _is_html(body) else "")
    inner = element if element.tag == "Error" else element.find("Error")
    if inner is None:
        return ErrorAnswer("", "the answer is an HTML page of something in between" if _is_html(body) else "")
    return ErrorAnswer(xml_answer.child_text(inner, "Code"), xml_answer.child_text(inner, "Message"))


def _is_html(body: bytes) -> bool:
    return b"<html" in body[:1000].lower()
