"""Where the token of the other provider comes from that Google's STS exchanges: a row for each kind of source."""

from __future__ import annotations

from typing import Callable, Tuple

from bkagent.cloud.google import subject_aws, subject_program
from bkagent.cloud.google.configuration import read_file
from bkagent.cloud.google.subject import FetchSubject, Subject
from bkagent.cloud.token_endpoint import ask
from bkagent.config.secret import Secret
from bkagent.errors import ConfigError, WireError
from bkagent.wire import go_decoding
from bkagent.wire.reader import Reader


def open_subject(subject: Subject) -> FetchSubject:
    """Return what fetches the token, each time anew. Raises ConfigError and WireError for what the file lacks."""
    for member, opens in _KINDS:
        if member in subject.configuration.fields.fields("credential_source"):
            return opens(subject)
    names = ", ".join(member for member, _ in _KINDS)
    raise ConfigError(f"{subject.where} must have one of {names}; certificates are not supported")


def _open_file(subject: Subject) -> FetchSubject:
    path, read = subject.source.text("file"), _format(subject)
    where = f"{path} ({subject.where})"
    return lambda: read(read_file(path, where).strip(), where)


def _open_url(subject: Subject) -> FetchSubject:
    url, headers, read = subject.source.text("url"), subject.source.text_map("headers"), _format(subject)
    context = subject.configuration.context
    return lambda: read(ask(context, "GET", url, headers).body, f"the answer of the URL of {subject.where}")


# In the order in which Google's library for Go looks for them.
_KINDS: Tuple[Tuple[str, Callable[[Subject], FetchSubject]], ...] = (
    ("environment_id", subject_aws.open_aws),
    ("file", _open_file),
    ("url", _open_url),
    ("executable", subject_program.open_program),
)


def _format(subject: Subject) -> Callable[[bytes, str], Secret]:
    """Return what reads a token by the member `format`: the whole text, or one member of a JSON object."""
    described = subject.source.inner("format")
    kind = described.text("type", "text") if described else "text"
    if kind == "text":
        return _read_text
    if kind != "json" or described is None:
        raise ConfigError(f"{subject.where}: format.type must be text or json")
    name = described.text("subject_token_field_name")
    return lambda content, where: _read_text(_member(content, name, where).encode(), where)


def _member(content: bytes, name: str, where: str) -> str:
    try:
        document = go_decoding.loads(content)
    except (ValueError, RecursionError):
        raise WireError(f"{where} is not JSON") from None
    return Reader(document, where).text(name)


def _read_text(content: bytes, where: str) -> Secret:
    try:
        text = content.decode("utf-8")
    except ValueError:
        raise WireError(f"{where} is not a text") from None
    if not text:
        raise WireError(f"{where} is empty")
    return Secret(text)
