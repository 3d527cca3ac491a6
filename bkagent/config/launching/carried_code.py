"""The archive of this program, which launchers carry for where they are all there is of it: containers.

Python runs the code from the launcher itself, so that nothing is unpacked in the container.
"""

import os

_PACKED = "packed.pyz"  # the archive itself, beside the code that was unpacked from it (packaging/archive_entry.py)


def packed(root: str) -> str:
    """Return the path of the archive whose code runs. `root` is the folder that holds the package, or the archive.

    "" for a checkout, which has none: its launchers work on this machine alone.
    """
    path = root if os.path.isfile(root) else os.path.join(root, _PACKED)
    return path if os.path.isfile(path) else ""


def append(file_path: str, archive: str) -> None:
    """Append an archive to a file: Python finds a zip archive by its end, wherever it begins. Raises OSError."""
    with open(file_path, "ab") as launcher, open(archive, "rb") as content:
        launcher.write(content.read())  # less than a megabyte
