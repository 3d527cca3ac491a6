"""Artifactory as a store, on a server that checks every checksum."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Dict, Iterator

import pytest

from bkagent.errors import AgentError, Refused, Unavailable, Unreachable, WireError
from tests.fakes.artifactory import PASSWORD, Artifactory, error
from tests.fakes.scripted_server import Answer, Raw, ScriptedServer
from tests.fakes.store_driver import StoreDriver, artifact_of, send_parts

NAMES = {
    "a.txt": "a.txt",
    "d/e f/ü%41+c(1)'&=:@,;~#?.txt": "d/e f/ü%41+c(1)'&=:@,;~#?.txt",
    "win\\dows\\x": "win/dows/x",
    "d//./e/../z": "d/z",
}


@pytest.fixture
def artifactory() -> Iterator[Artifactory]:
    with Artifactory() as server:
        yield server


def plant(folder: Path, content: bytes) -> Path:
    file = folder / "a.txt"
    file.write_bytes(content)
    return file


@pytest.mark.parametrize("name", NAMES, ids=[str(number) for number in range(len(NAMES))])
def test_a_file_arrives_with_its_checksums_and_comes_back(artifactory: Artifactory, tmp_path: Path, name: str) -> None:
    file = plant(tmp_path, os.urandom(2_500_000))
    driver = StoreDriver("rt://repo/builds/7", artifactory.variables)
    driver.upload(file, name)
    assert artifactory.files == {f"repo/builds/7/{NAMES[name]}": file.read_bytes()}
    assert driver.download(artifact_of(file, name)) == file.read_bytes()
    assert driver.head.whole_bytes == 2_500_000 and driver.head.version


def test_an_empty_file_and_a_repository_without_a_path(artifactory: Artifactory, tmp_path: Path) -> None:
    driver = StoreDriver("rt://repo", {**artifactory.variables, "BUILDKITE_ARTIFACTORY_URL": artifactory.url + "/"})
    driver.upload(plant(tmp_path, b""))
    assert artifactory.files == {"repo/a.txt": b""}
    assert driver.store.url_of("d/a b.txt") == artifactory.url + "/repo/d/a%20b.txt"


def test_nothing_leads_out_of_the_repository(artifactory: Artifactory) -> None:
    store = StoreDriver("rt://repo/x", artifactory.variables).store
    assert store.url_of("../../../../admin") == artifactory.url + "/repo/admin"


def test_a_part_is_fetched_and_a_file_that_has_changed_from_its_start(artifactory: Artifactory, tmp_path: Path) -> None:
    driver = StoreDriver("rt://repo/b", artifactory.variables)
    file = plant(tmp_path, b"first content")
    driver.upload(file)
    assert driver.download(artifact_of(file), start_offset=6, size=4) == b"cont" and driver.head.start_offset == 6
    version = driver.head.version
    driver.upload(plant(tmp_path, b"second content"))
    assert driver.download(artifact_of(file), start_offset=6, version=version) == b"second content"


@pytest.mark.parametrize("missing", ["URL", "USER", "PASSWORD"])
def test_all_variables_are_needed(artifactory: Artifactory, missing: str) -> None:
    variables = {**artifactory.variables, f"BUILDKITE_ARTIFACTORY_{missing}": ""}
    with pytest.raises(AgentError) as refusal:
        StoreDriver("rt://repo/x", variables)
    assert str(refusal.value) == (
        "must set BUILDKITE_ARTIFACTORY_URL, BUILDKITE_ARTIFACTORY_USER, and BUILDKITE_ARTIFACTORY_PASSWORD when using "
        "an rt:// path"
    )


@pytest.mark.parametrize(
    ("destination", "url", "says"),
    [("rt:///x", None, "must name a repository"), ("rt://r/x", "artifactory.test", "must be an http:// or")],
)  # fmt: skip
def test_what_leads_nowhere_is_refused(artifactory: Artifactory, destination: str, url: Any, says: str) -> None:
    variables = {**artifactory.variables, **({"BUILDKITE_ARTIFACTORY_URL": url} if url else {})}
    with pytest.raises(AgentError, match=says):
        StoreDriver(destination, variables)


def test_a_file_that_changes_under_way_is_refused_by_artifactory(artifactory: Artifactory, tmp_path: Path) -> None:
    driver = StoreDriver("rt://repo/b", artifactory.variables)
    with pytest.raises(Refused, match="409: Checksum error: received '00', actual"):
        driver.upload(plant(tmp_path, b"new"), sha256="00")
    assert not artifactory.files


@pytest.mark.parametrize("change", ["gone", "shorter"])
def test_a_file_that_cannot_be_read_is_named(artifactory: Artifactory, tmp_path: Path, change: str) -> None:
    file = plant(tmp_path, b"content")
    driver = StoreDriver("rt://repo/b", artifactory.variables)
    started = driver.begin(file)
    if change == "gone":
        file.unlink()
    else:
        file.write_bytes(b"c")
    with pytest.raises(AgentError, match="a.txt") as failure:
        send_parts(started, file)
    assert type(failure.value) is AgentError and not artifactory.seen


FAULTS: Dict[str, Any] = {
    "wrong password": (error(401, "Bad credentials"), Refused, "401: Bad credentials$"),
    "forbidden": (error(403, "No permission\nto deploy\x1b[1m"), Refused, r"403: No permission\\nto deploy\\x1b"),
    "busy": (Answer(503, headers={"Retry-After": "9"}), Unavailable, "503$"),
    "moved": (Answer(301, headers={"Location": "https://a.test/x?secret"}), Refused, "redirects to https://a.test/x; "
              "BUILDKITE_ARTIFACTORY_URL must be the final URL"),
    "a page": (Answer(404, body=b"<html>secret</html>"), Refused, "404: the answer is not Artifactory's"),
    "nonsense": (Answer(400, {"errors": [5, {"message": 7}, None]}), Refused, "400$"),
    "a page for a file": (Answer(200, body=b"<html>secret</html>"), Refused, "200, and the answer is a page, not"),
    "half an answer": (Raw(b"HTTP/1.1 201 Cr"), Unreachable, "EOF"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_what_goes_wrong_is_said_shortly(artifactory: Artifactory, tmp_path: Path, name: str) -> None:
    fault, kind, says = FAULTS[name]
    file = plant(tmp_path, b"x")
    driver = StoreDriver("rt://repo/b", artifactory.variables)
    artifactory.faults.append(fault)
    with pytest.raises(kind, match=says) as failure:
        driver.upload(file)
    assert f"PUT {artifactory.url}/repo/b/a.txt" in str(failure.value) and PASSWORD not in str(failure.value)
    assert "secret" not in str(failure.value) and len(artifactory.seen) == 1
    if name not in ("moved", "a page for a file"):
        artifactory.faults.append(fault)
        with pytest.raises(kind):
            driver.download(artifact_of(file))
    if name == "busy":
        assert failure.value.retry_after_s == 9.0  # type: ignore[attr-defined]


def test_the_storage_behind_artifactory_gets_no_password(artifactory: Artifactory, tmp_path: Path) -> None:
    with ScriptedServer({"GET /x": Answer(200, body=b"from the storage")}) as storage:
        artifactory.faults.append(Answer(302, headers={"Location": storage.url + "/x?signature=s"}))
        driver = StoreDriver("rt://repo/b", artifactory.variables)
        assert driver.download(artifact_of(plant(tmp_path, b""))) == b"from the storage"
        assert "authorization" not in storage.seen[0].headers


def test_a_range_that_makes_no_sense_is_refused(artifactory: Artifactory, tmp_path: Path) -> None:
    artifactory.faults.append(Answer(206, body=b"x", headers={"Content-Range": "bytes nonsense"}))
    with pytest.raises(WireError, match="makes no sense"):
        StoreDriver("rt://repo/b", artifactory.variables).download(artifact_of(plant(tmp_path, b"")), start_offset=1)
