"""The host of an SSH address: ssh's configuration may give a host another name and port."""

import re
from typing import List, Optional, Tuple

DEFAULT_PORT = "22"

# What ssh does about a host's key: take one it sees first, refuse a changed one (since OpenSSH 7.6); refuse both; check
# nothing, and forget what it saw.
ACCEPTS_NEW = (7, 6)
NEW_ONES = "-o StrictHostKeyChecking=accept-new"
KNOWN_ONLY = "-o StrictHostKeyChecking=yes"
ANY = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
_VERSION = re.compile(r"OpenSSH(?:[_ ]for[_ ]Windows)?[_ ](\d+)\.(\d+)")


def parse_version(printed: str) -> Optional[Tuple[int, int]]:
    """Return (major, minor) from the output of `ssh -V`, or None."""
    match = _VERSION.search(printed)
    return (int(match.group(1)), int(match.group(2))) if match else None


def probe(host: str) -> List[str]:
    """Return the argv that prints ssh's configuration for `host`."""
    return ["ssh", "-G", host]


def scan(host: str) -> List[str]:
    """Return the argv that prints the keys of `host` or `host:port`."""
    name, _, port = host.rpartition(":")
    if name and port.isdigit():
        return ["ssh-keyscan", "-p", port, name.strip("[]")]
    return ["ssh-keyscan", host]


def parse_host(printed: str) -> str:
    """Return the host, or `host:port` where the port is not 22, from the output of `ssh -G`; "" if it names none."""
    hostname = port = ""
    for line in printed.split("\n"):
        key, _, value = (line[:-1] if line.endswith("\r") else line).partition(" ")
        if key == "hostname":
            hostname = value
        elif key == "port":
            port = value
        if hostname and port:
            break
    if not hostname or port in ("", DEFAULT_PORT):
        return hostname
    return f"[{hostname}]:{port}" if ":" in hostname else f"{hostname}:{port}"


def without_alias(host: str) -> str:
    """Return `host` without a suffix such as `-work`, which people add to choose a key: `github.com-work`."""
    return re.sub(r"-[a-z0-9\-]+\Z", "", host)
