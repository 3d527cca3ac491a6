"""The one rule for what a job tells the control plane: each text of each request is cleaned, names included.

Left as they are: what has to be met exactly (ids, checksums, states, keys of steps and of secrets), the words of the
protocol, and the requests in LEFT_ALONE. Reading and writing go by the same rule, so that a key or a context that was
written redacted is read redacted. On the short path. `scrub` is what takes secrets out of a text.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, List

    Scrub = Callable[[str], str]

# Last parts of paths -> why nothing is taken out there.
LEFT_ALONE = {
    "pipelines": "pipeline/document/secrets.py warns or refuses: half a command would run as another one",
    "oidc/tokens": "another service compares what the token says with what it expects",
    "secrets": "the key of a secret",
    "repository_access_token": "the address of a repository",
}
_EXACT = frozenset((
    "id", "uuid", "idempotency_uuid", "build_id", "job_id", "sha1sum", "sha256sum", "created_at", "state",
    "multipart_etags", "exit_status",
))  # fmt: skip
_EXACT_IN_QUERY = frozenset(("scope", "state", "async", "include_retried_jobs", "include_duplicates"))
# Words of the protocol, which say nothing of the job's: a secret that is the same word is not seen in them.
_WORDS = {
    "style": ("success", "info", "warning", "error"),
    "scope": ("build", "job"),
    "context": ("default",),
    "key": ("buildkite:git:commit",),
    "attribute": ("label", "notify", "priority", "key", "type", "state", "outcome", "if", "parallel_job_count"),
    "format": ("json", "string"),
}
_FIELDS = _EXACT.union(_WORDS, (
    "body", "append", "priority", "value", "items", "note", "timeout_in_minutes", "force", "force_grace_period",
    "reason", "artifacts", "upload_destination", "multipart_supported", "path", "absolute_path", "glob_path",
    "file_size", "url", "content_type", "multipart", "part_number", "etag",
))  # fmt: skip
_NAMING = "annotations"  # what follows it in a path is a context
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~")


def clean_document(target: str, document: object, scrub: "Scrub") -> object:
    """Return what a request to `target` carries as JSON, without secrets; names of fields that are the job's too."""
    if _is_left_alone(target):
        return document
    texts: "List[str]" = []
    _collect(document, texts)
    return document if are_clean(texts, scrub) else _clean(document, scrub, "")


def are_clean(texts: "List[str]", scrub: "Scrub") -> bool:
    """Return whether no text has a secret; False may also mean that a secret reaches over the border of two of them.

    All are searched at once: with hundreds of short ones, as many calls would take most of the time.
    """
    joined = "\0".join(texts)
    try:
        joined.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a text that stands for no bytes must not hide from others what theirs are
        return False
    return scrub(joined) == joined


def clean_target(target: str, scrub: "Scrub") -> str:
    """Return an escaped path with its query, without secrets."""
    if _is_left_alone(target):
        return target
    path, mark, query = target.partition("?")
    parts = path.split("/")
    for at in range(1, len(parts)):
        if parts[at - 1] == _NAMING:
            parts[at] = _clean_escaped(parts[at], scrub)
    pairs = [_clean_pair(pair, scrub) for pair in query.split("&")] if query else []
    return "/".join(parts) + mark + "&".join(pairs)


def _is_left_alone(target: str) -> bool:
    path = "/" + target.partition("?")[0].strip("/")
    return any(path.endswith("/" + last) or f"/{last}/" in path for last in LEFT_ALONE)


def _collect(node: object, texts: "List[str]") -> None:
    """Add all that `_clean` would scrub to `texts`."""
    if isinstance(node, str):
        texts.append(node)
    elif isinstance(node, list):
        for element in node:
            _collect(element, texts)
    elif isinstance(node, dict):
        for key, element in node.items():
            if key not in _FIELDS:
                texts.append(key)
            if key in _EXACT:
                continue
            if type(element) is str:  # as most are
                if element not in _WORDS.get(key, ()):
                    texts.append(element)
            else:
                _collect(element, texts)


def _clean(node: object, scrub: "Scrub", name: str) -> object:
    if isinstance(node, str):
        return node if name in _EXACT or node in _WORDS.get(name, ()) else scrub(node)
    if isinstance(node, list):
        return [_clean(element, scrub, name) for element in node]
    if isinstance(node, dict):
        if name in _EXACT:
            return node
        return {key if key in _FIELDS else scrub(key): _clean(element, scrub, key) for key, element in node.items()}
    return node


def _clean_pair(pair: str, scrub: "Scrub") -> str:
    name, equals, escaped = pair.partition("=")
    return pair if name in _EXACT_IN_QUERY else name + equals + _clean_escaped(escaped.replace("+", "%20"), scrub)


def _clean_escaped(text: str, scrub: "Scrub") -> str:
    before = _unescaped(text)
    after = scrub(before)
    if after == before:
        return text
    octets = after.encode("utf-8", "surrogateescape")
    return "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in octets)


def _unescaped(text: str) -> str:
    pieces = text.encode("utf-8", "surrogateescape").split(b"%")
    octets = bytearray(pieces[0])
    for piece in pieces[1:]:
        try:
            octets += bytes((int(piece[:2], 16),)) + piece[2:]
        except ValueError:
            octets += b"%" + piece
    return octets.decode("utf-8", "surrogateescape")
