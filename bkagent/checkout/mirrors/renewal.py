"""Recreate a damaged mirror, without removing objects that checkouts borrow from it.

The new one is cloned beside the old one and takes its place once it has every object of the old one that is whole: a
checkout may borrow objects that no branch of the remote leads to any more.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import zlib
from typing import Iterator, Tuple

from bkagent.checkout import staging
from bkagent.checkout.checkout_settings import flags_of
from bkagent.checkout.mirrors import lock
from bkagent.checkout.work import Work
from bkagent.git import commands, outcome
from bkagent.git.outcome import GitFailed
from bkagent.system import renaming

# What belongs to a pack and says nothing about other packs.
_PACK_FILES = (".pack", ".rev", ".promisor", ".mtimes", ".idx")
_PIECE_BYTES = 1 << 16


def renew(work: Work, repository: str, mirror: str) -> None:
    """Replace a mirror whose update lock is held. Raises GitFailed, and leaves the old one then; OSError; Cancelled."""
    unfinished, former = staging.folder_of(mirror), staging.former_folder_of(mirror)
    flags = flags_of("git-clone-mirror-flags", work.settings.clone_mirror_flags)
    # Others who see no mirror clone one under this lock.
    with lock.hold(work, mirror, lock.CLONE):
        staging.clear(work.session, mirror)
        try:
            work.run(commands.clone_mirror(flags, repository, unfinished), outcome.CLONE)
            _keep_intact_objects(work, os.path.join(mirror, "objects"), os.path.join(unfinished, "objects"))
            renaming.rename(mirror, former)
            renaming.rename(unfinished, mirror)
        finally:
            staging.clear(work.session, mirror)


def _keep_intact_objects(work: Work, old: str, new: str) -> None:
    for name in _names(os.path.join(old, "pack")):
        if name.endswith(".idx"):
            _keep_pack(work, os.path.join(old, "pack", name[: -len(".idx")]), os.path.join(new, "pack"))
    for folder, name in _loose_objects(old):
        path, kept = os.path.join(old, folder, name), os.path.join(new, folder, name)
        if not os.path.lexists(kept) and _is_intact(path, folder + name):
            os.makedirs(os.path.dirname(kept), exist_ok=True)
            _link_file(path, kept)


def _keep_pack(work: Work, old: str, new_folder: str) -> None:
    if os.path.lexists(os.path.join(new_folder, os.path.basename(old) + ".pack")):
        return
    try:
        work.capture(commands.verify_pack(old + ".idx"), hidden=True)
    except GitFailed as failed:
        if failed.signal:
            raise
        return
    for ending in _PACK_FILES:
        if os.path.isfile(old + ending):
            _link_file(old + ending, os.path.join(new_folder, os.path.basename(old) + ending))


def _link_file(path: str, kept: str) -> None:
    """Link a file to another path. It counts as new, so that git keeps it for a while."""
    try:
        os.link(path, kept)
    except OSError:
        shutil.copyfile(path, kept)
    os.utime(kept)


def _loose_objects(objects: str) -> Iterator[Tuple[str, str]]:
    for folder in _names(objects):
        if len(folder) == 2:
            for name in _names(os.path.join(objects, folder)):
                yield folder, name


def _names(folder: str) -> "list[str]":
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _is_intact(path: str, object_id: str) -> bool:
    """Return whether a loose object's name is the hash of its inflated content."""
    digest = hashlib.sha1() if len(object_id) == 40 else hashlib.sha256()
    inflating = zlib.decompressobj()
    try:
        with open(path, "rb") as file:
            for piece in iter(lambda: file.read(_PIECE_BYTES), b""):
                digest.update(inflating.decompress(piece))
        digest.update(inflating.flush())
    except (OSError, zlib.error):
        return False
    return inflating.eof and digest.hexdigest() == object_id
