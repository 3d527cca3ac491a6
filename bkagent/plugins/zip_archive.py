"""A plugin that comes as a zip archive: downloaded for each job, checked, and unpacked where it cannot do harm.

Source of the limits and messages: buildkite/agent, internal/job/plugin_zip.go.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
import zipfile
import zlib
from base64 import b64encode
from typing import BinaryIO, Dict, List
from urllib.parse import unquote

from bkagent.errors import AgentError, Cancelled, Unreachable
from bkagent.plugins.plugin import Plugin
from bkagent.shell.session import Session
from bkagent.system import host, renaming, unguessable
from bkagent.system.system_kind import ON_WINDOWS
from bkagent.system.tree_removal import remove_tree
from bkagent.transport.client.address import parse
from bkagent.transport.client.http_client import Pool
from bkagent.transport.client.request_log import RequestLog

SCHEME = "zip+"
_MOST_MB = 100
_MOST_BYTES = _MOST_MB * 1024 * 1024
# No plugin has as many, and each costs the disk something, however small the archive is.
_MOST_ENTRIES, _MOST_STEPS = 50_000, 500_000
_TRIES, _PAUSE_S, _LIMIT_S = 3, 2.0, 300.0
_READ_BYTES = 1024 * 1024
_DIGEST = "sha256:"
# What the reference reads as well; the others may want any amount of memory. Source: Go's archive/zip.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class BadArchive(AgentError):
    """The archive could not be fetched, or must not be used."""


def fetch(session: Session, plugin: Plugin, above: str, folder: str) -> None:
    """Get the plugin into `folder`, by way of a new folder in `above`. Raises BadArchive, Cancelled, OSError."""
    log = session.log
    log.comment(f'Plugin "{plugin.display_name}" will be downloaded as zip archive')
    if plugin.version and not plugin.version.startswith(_DIGEST):
        raise BadArchive(f'unsupported version format "{plugin.version}": expected "sha256:<hex>"')
    if os.path.lexists(folder):
        remove_tree(folder)
    log.comment(f'Plugin "{plugin.display_name}" will be downloaded to "{folder}"')
    aside = os.path.join(above, f"zip-plugin-{unguessable.below(10**10)}")
    os.mkdir(aside, 0o700)
    try:
        archive, unpacked = os.path.join(aside, "plugin.zip"), os.path.join(aside, "extract")
        digest = _download(session, plugin, archive)
        expected = plugin.version[len(_DIGEST) :]
        if expected and digest != expected:
            why = f"SHA256 verification failed: expected {expected}, got {digest}"
            raise BadArchive(f"failed to download zip plugin: {why}")
        os.mkdir(unpacked, 0o777)
        _unpack(archive, unpacked)
        log.comment("Moving plugin to final location")
        renaming.rename(unpacked, folder)
        log.comment(f'Successfully downloaded and extracted plugin "{plugin.display_name}" (SHA256: {digest})')
    finally:
        remove_tree(aside)


def _download(session: Session, plugin: Plugin, path: str) -> str:
    """Write the archive to `path`; return its SHA-256 in hexadecimal."""
    scheme = plugin.scheme[len(SCHEME) :] or "https"
    url = f"{scheme}://{plugin.location}"
    session.log.debug(f"Downloading from {parse(url).shown if scheme.startswith('http') else url}")
    if scheme == "file":
        try:
            _copy_local(session, _local_path(plugin.location), path)
        except OSError as error:
            raise BadArchive(f"failed to download zip plugin: failed to copy local file: {error}") from error
    elif scheme in ("http", "https"):
        _download_by_http(session, url, _headers(plugin), path)
    else:
        raise BadArchive(f"failed to download zip plugin: scheme {scheme} is not supported")
    return _digest(path)


def _copy_local(session: Session, source_path: str, path: str) -> None:
    """Copy a file, as large as a download may be. Raises BadArchive, Cancelled, OSError."""
    # Not blocking: a named pipe would wait for its other end.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with open(os.open(source_path, flags), "rb") as source, open(path, "wb") as file:
        if not stat.S_ISREG(os.fstat(source.fileno()).st_mode):
            raise BadArchive(f"failed to download zip plugin: {source_path} is not a regular file")
        left_bytes = _MOST_BYTES
        for block in iter(lambda: source.read(_READ_BYTES), b""):
            left_bytes -= len(block)
            if left_bytes < 0:
                raise BadArchive(f"failed to download zip plugin: zip archive too large (max {_MOST_MB} MB)")
            if session.cancellation.requested:
                raise Cancelled("stopped while copying a plugin")
            file.write(block)


def _local_path(location: str) -> str:
    path = unquote("/" + location.partition("/")[2])
    has_drive = ON_WINDOWS and path[2:3] == ":"  # /C:/folder
    return path[1:] if has_drive else path


def _headers(plugin: Plugin) -> Dict[str, str]:
    headers = {"User-Agent": host.user_agent()}
    if plugin.authentication:
        user, colon, password = plugin.authentication.partition(":")
        basic = f"{unquote(user)}:{unquote(password)}" if colon else f"{unquote(user)}:"
        headers["Authorization"] = "Basic " + b64encode(basic.encode("utf-8", "surrogateescape")).decode()
    return headers


def _download_by_http(session: Session, url: str, headers: Dict[str, str], path: str) -> None:
    request_log = RequestLog(session.log.report) if session.log.is_debug else None
    pool = Pool("http://localhost", session.child_env(), timeout_s=_LIMIT_S, request_log=request_log)
    try:
        for number in range(_TRIES):
            try:
                _download_once(pool, url, headers, path)
                return
            except (BadArchive, Unreachable) as problem:
                if number + 1 == _TRIES:
                    raise BadArchive(f"failed to download zip plugin: {problem}") from problem
            if session.cancellation.wait(_PAUSE_S):
                raise Cancelled("stopped while waiting to download a plugin again")
    finally:
        pool.close()


def _download_once(pool: Pool, url: str, headers: Dict[str, str], path: str) -> None:
    deadline = time.monotonic() + _LIMIT_S
    with open(path, "wb") as file:

        def take(block: bytes) -> None:
            if time.monotonic() > deadline:
                raise BadArchive(f"HTTP request failed: it takes longer than {_LIMIT_S:.0f} s")
            if file.tell() + len(block) > _MOST_BYTES:
                raise BadArchive(f"zip archive too large (max {_MOST_MB} MB)")
            file.write(block)

        response = pool.request_url("GET", url, headers, sink=take)
    if not 200 <= response.status < 300:
        raise BadArchive(f"HTTP request failed with status {response.status}")


def _digest(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(_READ_BYTES), b""):
            digest.update(block)
    return digest.hexdigest()


def _unpack(archive: str, folder: str) -> None:
    """Write what is in the archive below an empty folder. Raises BadArchive for what leads out of it or is no file."""
    try:
        with zipfile.ZipFile(archive) as opened:
            entries = opened.infolist()
            if len(entries) > _MOST_ENTRIES or sum(entry.filename.count("/") for entry in entries) > _MOST_STEPS:
                raise BadArchive("failed to extract zip plugin: the archive has too many files or folders")
            if sum(entry.file_size for entry in entries) > _MOST_BYTES:
                raise BadArchive(f"failed to extract zip plugin: zip archive too large (max {_MOST_MB} MB)")
            if any(entry.compress_type not in _METHODS for entry in entries):
                raise BadArchive("failed to extract zip plugin: unsupported compression algorithm, not deflate")
            left_bytes = _MOST_BYTES  # what an entry says of its size may be a lie
            for entry in entries:
                left_bytes -= _unpack_one(opened, entry, folder, left_bytes)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, ValueError, zlib.error) as problem:
        raise BadArchive(f"failed to extract zip plugin: {problem}") from problem


def _unpack_one(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: str, left_bytes: int) -> int:
    """Write one entry; return its size."""
    path = os.path.join(folder, *_steps(entry.filename))
    mode = entry.external_attr >> 16
    if entry.is_dir() or stat.S_ISDIR(mode):
        os.makedirs(path, exist_ok=True)
        return 0
    if stat.S_ISLNK(mode):
        raise BadArchive(
            f"failed to extract zip plugin: symlinks are not supported in zip plugins (found: {entry.filename})"
        )
    os.makedirs(os.path.dirname(path), exist_ok=True)
    permissions = stat.S_IMODE(mode) & 0o777 if mode else 0o666
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), permissions)
    with open(fd, "wb") as file, opened.open(entry) as source:
        return _copy(source, file, left_bytes)  # type: ignore[arg-type]


def _copy(source: BinaryIO, file: BinaryIO, left_bytes: int) -> int:
    size = 0
    for block in iter(lambda: source.read(_READ_BYTES), b""):
        size += len(block)
        if size > left_bytes:
            raise BadArchive(f"failed to extract zip plugin: zip archive too large (max {_MOST_MB} MB)")
        file.write(block)
    return size


def _steps(name: str) -> List[str]:
    """Return the parts of an entry's path. Raises BadArchive for one that climbs out, on whatever system."""
    steps: List[str] = []
    for step in name.replace("\\", "/").split("/"):
        if step == os.pardir:
            if not steps:
                raise BadArchive(f"failed to extract zip plugin: invalid file path (possible traversal): {name}")
            steps.pop()
        elif ON_WINDOWS and step != os.curdir and step and not step.rstrip(" ."):
            # Windows takes ".. " for "..".
            raise BadArchive(f"failed to extract zip plugin: invalid file path (possible traversal): {name}")
        elif step not in ("", os.curdir):
            steps.append(step.replace(":", "_") if ON_WINDOWS else step)
    return steps
