"""The machine that an agent runs on, as it describes it.

goos() -> str                  the system's name as Go writes it: linux, darwin, windows, freebsd, ...
goarch() -> str                the processor's name as Go writes it: amd64, arm64, ...
hostname() -> str              the machine's name, "" when unknown
describe_os(environ) -> str    a description for the control plane, of no fixed form; "" when unknown
platform_name() -> str         system, release and processor in one line, for a report of a defect
machine_id() -> str            hex digits that tell this installation from others, "" when unknown
user_agent() -> str            the User-Agent of every request of this program, which names system and processor
"""

import sys

from bkagent.version import BUILD, REFERENCE_VERSION

if sys.platform == "win32":
    from bkagent.system._host_windows import describe_os, goos, installation_id, processor
else:
    from bkagent.system._host_posix import describe_os, goos, installation_id, processor

__all__ = ["describe_os", "goarch", "goos", "hostname", "machine_id", "platform_name", "user_agent"]

_GO_ARCHITECTURES = {
    "x86_64": "amd64", "amd64": "amd64", "i86pc": "amd64", "aarch64": "arm64", "arm64": "arm64", "i386": "386",
    "i486": "386", "i586": "386", "i686": "386", "x86": "386", "evbarm": "arm", "loongarch64": "loong64",
    "mips64el": "mips64le", "mipsel": "mipsle", "powerpc64le": "ppc64le", "powerpc64": "ppc64",
}  # fmt: skip


def goarch() -> str:
    """Return the processor's name as Go writes it; an unknown one keeps the system's name."""
    name = processor().lower()
    if name.startswith(("armv5", "armv6", "armv7", "armhf")):
        return "arm"
    if name.startswith("armv8"):
        return "arm64"
    return _GO_ARCHITECTURES.get(name, name)


def user_agent() -> str:
    """Return what this program calls itself in requests from this machine."""
    return f"buildkite-agent/{REFERENCE_VERSION}.{BUILD} ({goos()}; {goarch()})"


def platform_name() -> str:
    """Return what Python calls the platform."""
    import platform

    return platform.platform()


def hostname() -> str:
    """Return the machine's name."""
    import _socket

    try:
        return _socket.gethostname()
    except OSError:
        return ""


def machine_id() -> str:
    """Return a digest of the installation's id that cannot be turned back into it.

    HMAC-SHA256 with the id as key and "buildkite-agent" as message: what the reference sends.
    """
    from bkagent.system import small_digests

    id_text = installation_id()
    return small_digests.hmac_sha256_hex(id_text.encode(), b"buildkite-agent") if id_text else ""
