"""Build `dist/bkagent.pyz`: shiv collects and writes, then our own entry and a sh header replace its loader.

shiv's loader costs 43-57 ms a start and obeys SHIV_* variables, which a job could set.
"""

import hashlib
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import zipfile

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HERE = os.path.join(TOP, "packaging")
sys.path.insert(0, HERE)

import help_pages  # noqa: E402
import importable  # noqa: E402
import launcher_stub  # noqa: E402
import lean_source  # noqa: E402
import sbom  # noqa: E402
import together  # noqa: E402
from archive_entry import TOGETHER_MEMBER, WINDOWS_MEMBER  # noqa: E402

EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip can name: the same bytes from the same commit
COLLECTED = "site-packages/"
STUB = "bkagent/config/launching/launcher.exe"  # windows_launcher.py looks for it beside itself
# The halves of platform pairs that only Windows loads, but for those that it needs before anything is unpacked.
_OF_WINDOWS = re.compile(r"bkagent/system/(?:.*/)?_[a-z_]+_windows\.py")
_BEFORE_UNPACKING = {
    f"bkagent/system/_{name}_windows.py" for name in ("account", "folder_access", "pipe_security", "trusted_path")
}
# What the header does with the Python that it finds.
_START = (
    """exec "$__bk_python" -I -S -c 'import sys; sys.path.insert(0, sys.argv[1]); """
    """from archive_entry import run; run()' "$0" "$@\""""
)


def build(folder: str) -> str:
    """Write bkagent.pyz, its bill of materials and SHA256SUMS into `folder`; return the archive's path.

    Raises SystemExit without shiv or the stub of the launchers.
    """
    with tempfile.TemporaryDirectory() as scratch:
        members = _collected(scratch)
    members.update(help_pages.members())
    members.update(together.members())
    members[STUB] = launcher_stub.read()
    with open(os.path.join(HERE, "archive_entry.py"), encoding="utf-8") as file:
        own = importable.names(members, file.read())
    of_windows = _take(members, _of_windows(members))
    members[TOGETHER_MEMBER] = _take(members, sorted(set(members) - own))
    members[WINDOWS_MEMBER] = of_windows
    digest = _digest(members)  # of what is packed where as well: that says what is unpacked
    members["archive_entry.py"] = _filled("archive_entry.py", digest)
    members["__main__.py"] = b'"""The entry of `python3 bkagent.pyz`."""\n\nfrom archive_entry import run\n\nrun()\n'
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "bkagent.pyz")
    aside = path + ".new"
    _write(aside, _filled("header.sh", digest), members)
    os.replace(aside, path)
    with open(path, "rb") as file:
        checksum = hashlib.sha256(file.read()).hexdigest()
    _write_about(folder, checksum)
    return path


def _write_about(folder: str, checksum: str) -> None:
    """Write the bill of materials, and the checksums of both."""
    from bkagent.version import VERSION

    bill = sbom.text(VERSION, checksum).encode()
    with open(os.path.join(folder, sbom.NAME), "wb") as file:
        file.write(bill)
    with open(os.path.join(folder, "SHA256SUMS"), "w", encoding="ascii") as sums:
        sums.write(f"{checksum}  bkagent.pyz\n{hashlib.sha256(bill).hexdigest()}  {sbom.NAME}\n")


def _collected(scratch: str) -> "dict[str, bytes]":
    """Return {name in the archive: bytes} of what shiv collects."""
    site = os.path.join(scratch, "site")
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc", ".*", "*.md")
    shutil.copytree(os.path.join(TOP, "bkagent"), os.path.join(site, "bkagent"), ignore=ignored)
    packed = os.path.join(scratch, "shiv.pyz")
    command = [sys.executable, "-m", "shiv.cli", "--site-packages", site, "--reproducible", "--no-modify"]
    command += ["-e", "bkagent.cli.main:run", "-o", packed]
    environment = {name: text for name, text in os.environ.items() if not name.startswith("SHIV_")}
    if subprocess.run(command, env=environment, stdout=subprocess.DEVNULL).returncode:
        raise SystemExit("packaging: shiv did not build the archive; is it installed? (python3 -m pip install shiv)")
    with zipfile.ZipFile(packed) as archive:
        names = [
            name for name in archive.namelist() if name.startswith(COLLECTED + "bkagent/") and not name.endswith("/")
        ]
        return {name[len(COLLECTED) :]: _lean(name, archive.read(name)) for name in names}


def _lean(name: str, content: bytes) -> bytes:
    return lean_source.lean(content, name) if name.endswith(".py") else content


def _digest(members: "dict[str, bytes]") -> str:
    """Return the content hash that names the unpacked code; the entry and header count, too."""
    whole = hashlib.sha256()
    for name in ("archive_entry.py", "header.sh"):
        with open(os.path.join(HERE, name), "rb") as file:
            members = {**members, name: file.read()}
    for name in sorted(members):
        whole.update(name.encode() + b"\0" + hashlib.sha256(members[name]).digest())
    return whole.hexdigest()[:24]


def _filled(name: str, digest: str) -> bytes:
    sys.path.insert(0, TOP)
    from bkagent.system import python_search, started_with
    from bkagent.version import FULL_VERSION

    with open(os.path.join(HERE, name), encoding="utf-8") as file:
        text = file.read()
    text = text.replace("# @STARTED_WITH@\n", started_with.SCRIPT)
    text = text.replace("# @FIND_PYTHON@\n", python_search.script(_START))
    text = text.replace("@HASH@", digest).replace("@VERSION@", f"buildkite-agent version {FULL_VERSION}")
    return text.encode("utf-8")


def _of_windows(members: "dict[str, bytes]") -> "list[str]":
    halves = {name for name in members if _OF_WINDOWS.fullmatch(name)}
    return [*sorted(halves - _BEFORE_UNPACKING), STUB]


def _take(members: "dict[str, bytes]", names: "list[str]") -> bytes:
    """Take files out of `members`; return them one behind the other, after a list of their names and sizes.

    A member of its own costs each file 150 bytes of names and offsets, and what files have in common is not found.
    """
    listing = "".join(f"{name} {len(members[name])}\n" for name in names)
    return listing.encode("ascii") + b"\n" + b"".join(members.pop(name) for name in names)


def _write(path: str, header: bytes, members: "dict[str, bytes]") -> None:
    with open(path, "wb") as file:
        file.write(header)
    # Appending to a file that is no zip keeps the header and counts the offsets from its start.
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(members):
            _add(archive, name, members[name])
    os.chmod(path, 0o755)


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = 3
    entry.external_attr = (stat.S_IFREG | 0o644) << 16
    archive.writestr(entry, content, compresslevel=9)  # an entry does not take the level of its archive
