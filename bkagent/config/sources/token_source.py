"""A token that is not given itself but by where it can be read: `file://PATH`, `fd://NUMBER`."""

import os

from bkagent.config.secret import Secret
from bkagent.errors import ConfigError

_FILE, _DESCRIPTOR = "file://", "fd://"
_LONGEST_BYTES = 64 * 1024


def is_plain(token: Secret) -> bool:
    """Return whether this is the token itself."""
    return not token.reveal().startswith((_FILE, _DESCRIPTOR))


def resolve(token: Secret) -> Secret:
    """Return the token itself, blanks around it taken off. Raises ConfigError saying what could not be read."""
    text = token.reveal()
    if text.startswith(_FILE):
        path = text[len(_FILE) :]
        try:
            content = _read(os.open(path, os.O_RDONLY))
        except OSError as error:
            raise ConfigError(f"cannot read the token from the file {path}: {error.strerror}") from None
        return _require_token(content, f"the file {path}")
    if text.startswith(_DESCRIPTOR):
        number = text[len(_DESCRIPTOR) :]
        if not (number.isascii() and number.isdigit()):
            raise ConfigError(f'the token must be read from a descriptor such as fd://3, not "{text}"')
        try:
            content = _read(int(number))
        except (OSError, OverflowError):
            raise ConfigError(f"cannot read the token from file descriptor {number}: is it open?") from None
        return _require_token(content, f"file descriptor {number}")
    return Secret(text.strip())


def keep_from_children(token: Secret) -> None:
    """Let no process that is started from here on inherit the descriptor that the token is in, if it is in one."""
    text = token.reveal()
    number = text[len(_DESCRIPTOR) :]
    if text.startswith(_DESCRIPTOR) and number.isascii() and number.isdigit():
        try:
            os.set_inheritable(int(number), False)
        except (OSError, OverflowError):
            pass  # `resolve` says what is wrong with it


def _require_token(content: bytes, source: str) -> Secret:
    text = content.decode("utf-8", "surrogateescape").strip()
    if not text:
        raise ConfigError(f"{source} is empty, but must contain the token")
    return Secret(text)


def _read(descriptor: int) -> bytes:
    """Read what there is, up to the limit, and close."""
    pieces, left = [], _LONGEST_BYTES
    try:
        while left > 0:
            piece = os.read(descriptor, left)
            if not piece:
                break
            pieces.append(piece)
            left -= len(piece)
    finally:
        os.close(descriptor)
    return b"".join(pieces)
