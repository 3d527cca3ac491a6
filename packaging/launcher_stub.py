"""The stub of the .exe launchers: pip's own (distlib's), the one part of the archive that is not ours.

It is taken from the Python that builds, out of pip 23.2 and newer or distlib 0.3.6 and newer, which all have the same,
and nothing but these very bytes is taken.
"""

import hashlib
import importlib.util
import os

SHA256 = "81a618f21cb87db9076134e70388b6e9cb7c2106739011b6a51772d22cae06b7"
FILE = "t64.exe"
SOURCE = "https://github.com/pypa/distlib"
_PACKAGES = ("pip", "_vendor", "distlib"), ("distlib",)


def read() -> bytes:
    """Return the stub. Raises SystemExit where neither package has it."""
    for package, *folders in _PACKAGES:
        spec = importlib.util.find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            path = os.path.join(folder, *folders, FILE)
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    content = file.read()
                if hashlib.sha256(content).hexdigest() == SHA256:
                    return content
    raise SystemExit(
        f"packaging: neither pip nor distlib of this Python has {FILE} with SHA-256 {SHA256}, which the Windows "
        "launchers are made from (python3 -m pip install distlib)"
    )
