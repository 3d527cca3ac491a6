"""How a shell script finds a Python that can run this program: lines that the archive's header and launchers share."""

# {found}: a command line that uses "$__bk_python", and does not return. Falls through where there is no such Python.
# A Python without zlib, as one that was built where zlib's headers were missing, cannot read the archive.
_SCRIPT = """\
for __bk_python in "${{BKAGENT_PYTHON:-python3}}" python3.14 python3.13 python3.12 python3.11 python3.10 python3.9 \\
    python3.8 /usr/local/bin/python3 /usr/bin/python3; do
  __bk_python=$(command -v "$__bk_python") || continue
  "$__bk_python" -I -S -c 'import sys, zlib; sys.exit(sys.version_info < (3, 8))' 2>/dev/null || continue
  {found}
done
"""


def script(found: str) -> str:
    """Return the lines of a POSIX shell that run `found`, a command line with "$__bk_python", once there is one."""
    return _SCRIPT.format(found=found)
