"""The code of this program as a zip archive, which launchers carry for where they are all there is of it: containers.

Python runs it from the launcher itself, so that nothing is unpacked in the container; it is stored and not compressed,
so that the image's Python needs no zlib and is faster.
"""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterator

_PACKAGE = "bkagent"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip can name


def fingerprint(root: str) -> str:
    """Return what tells this code from other code at the same place: names, sizes and times. Raises OSError."""
    paths = [root] if os.path.isfile(root) else sorted(_paths(root))
    stats = [(path, os.stat(path)) for path in paths]
    return "\n".join(f"{path} {stat.st_size} {stat.st_mtime_ns}" for path, stat in stats)


def append(file_path: str, root: str) -> None:
    """Append the archive to a file. `root` is the folder that holds the package, or an archive. Raises OSError."""
    # Loaded here: a launcher is written once for each version.
    import zipfile

    members = _packed_members(root) if os.path.isfile(root) else _members(root)
    # Appending to a file that is no zip keeps what is there and counts the offsets from its start.
    with zipfile.ZipFile(file_path, "a") as archive:
        for name in sorted(members):
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), members[name])


def _paths(root: str) -> "Iterator[str]":
    for folder, folders, names in os.walk(os.path.join(root, _PACKAGE)):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for name in names:
            if not name.startswith(".") and not name.endswith(".pyc"):
                yield os.path.join(folder, name)


def _members(root: str) -> "Dict[str, bytes]":
    members = {}
    for path in _paths(root):
        with open(path, "rb") as file:
            members[os.path.relpath(path, root)] = file.read()
    return members


def _packed_members(path: str) -> "Dict[str, bytes]":
    import zipfile

    with zipfile.ZipFile(path) as packed:
        return {name: packed.read(name) for name in packed.namelist() if name.startswith(_PACKAGE + "/")}
