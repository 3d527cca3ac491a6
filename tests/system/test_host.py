"""What an agent says about its machine."""

import platform
import sys

import pytest

from bkagent.system import host


def test_the_system_has_gos_name():
    names = {"Linux": "linux", "Darwin": "darwin", "Windows": "windows"}
    assert host.goos() == names.get(platform.system(), platform.system().lower())


@pytest.mark.parametrize(
    ("found", "expected"),
    [("x86_64", "amd64"), ("AMD64", "amd64"), ("aarch64", "arm64"), ("armv7l", "arm"), ("i686", "386")],
)
def test_the_processor_has_gos_name(monkeypatch, found, expected):
    monkeypatch.setattr(host, "processor", lambda: found)
    assert host.goarch() == expected


def test_the_machine_id_is_a_digest_and_not_the_id(monkeypatch):
    monkeypatch.setattr(host, "installation_id", lambda: "0123456789abcdef")
    digest = host.machine_id()
    assert len(digest) == 64 and int(digest, 16) and "0123456789abcdef" not in digest
    monkeypatch.setattr(host, "installation_id", lambda: "")
    assert host.machine_id() == ""


@pytest.mark.skipif(sys.platform != "linux", reason="release files are Linux's")
def test_linux_is_described_by_its_release_files():
    with open("/etc/os-release", encoding="utf-8") as file:
        assert file.read() in host.describe_os({})
