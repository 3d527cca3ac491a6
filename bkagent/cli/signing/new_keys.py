"""Make keys, and write each part to a file that only its owner can read."""

from __future__ import annotations

import json
import os
import secrets
from contextlib import ExitStack
from typing import IO

from bkagent.errors import AgentError
from bkagent.jose import algorithms, jws, key_set
from bkagent.jose.jwk import Jwk

_TRIAL = b"a message to try a new key on"


def random_id() -> str:
    """Return an id that no other key has."""
    return secrets.token_hex(6)


def generate(algorithm: str, key_id: str, private_path: str, public_path: str) -> None:
    """Generate a pair of keys and write both files, or none. Raises AgentError for a file that cannot be created."""
    with ExitStack() as unfinished:
        files = []
        for path in (private_path, public_path):
            files.append(unfinished.enter_context(_created(path)))
            unfinished.callback(os.unlink, path)
        key = Jwk(algorithms.generate(algorithm), algorithm, key_id)
        # As FIPS 140 has it for new pairs: a miscalculation shows here, not at the first job that is refused.
        texts = [_text(part) for part in (key, key.public)]
        published = key_set.parse(texts[1])
        jws.verify(jws.sign(_TRIAL, key), _TRIAL, published)
        for file, text in zip(files, texts):
            _write(file, text)
        unfinished.pop_all()


def _created(path: str) -> IO[bytes]:
    try:
        return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600), "wb")
    except FileExistsError:
        raise AgentError(f"{path} exists, and is not replaced; name other files, or another --key-id") from None
    except OSError as error:
        raise AgentError(f"cannot write {path}: {error.strerror}") from None


def _text(key: Jwk) -> bytes:
    return json.dumps(key_set.document([key]), indent=2).encode("ascii") + b"\n"


def _write(file: IO[bytes], text: bytes) -> None:
    try:
        file.write(text)
        file.close()
    except OSError as error:
        raise AgentError(f"cannot write {file.name}: {error.strerror}") from None
