"""Azure Blob storage and Artifactory from the archive, and from the reference's agent where a machine has it.

Both upload the same files to the same servers: what is stored and recorded is compared field by field, and each
downloads what the other has uploaded.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.fakes import certificates, reference
from tests.fakes.artifact_records import ArtifactRecords
from tests.fakes.artifactory import Artifactory
from tests.fakes.azurite import ACCOUNT, HOST, KEY, Azurite
from tests.fakes.tunnel_proxy import TunnelProxy
from tests.whole.running import PATIENCE_S, bkagent, environment

FILES = {"d/e f+ü(1).txt": b"hello\n", "index.html": b"<p>hi</p>", "empty": b"", "d/b.bin": bytes(range(256)) * 5000}
AZURE = f"https://{ACCOUNT}{HOST}/box"
LIFETIME, CONNECTION = "BUILDKITE_AZURE_BLOB_SAS_TOKEN_DURATION", "BUILDKITE_AZURE_BLOB_CONNECTION_STRING"

# Runs `artifact WORDS` in a folder with variables, and returns what it has written.
Agent = Callable[[Path, Dict[str, str], Tuple[str, ...]], str]


class Bed:
    """The servers of one test, and the variables that lead to them."""

    def __init__(self, azure: Azurite, variables: Dict[str, str], artifactory: Artifactory, folder: Path) -> None:
        self.azure, self.artifactory, self.folder, self.variables = azure, artifactory, folder, variables
        self.work = folder / "work"
        for name, content in FILES.items():
            (self.work / name).parent.mkdir(parents=True, exist_ok=True)
            (self.work / name).write_bytes(content)

    def upload(self, agent: Agent, destination: str, more: Dict[str, str]) -> ArtifactRecords:
        """Upload all files; return what the control plane has of them."""
        with ArtifactRecords() as plane:
            agent(self.work, {**self.variables, **plane.variables, **more}, ("upload", "**/*", destination))
            assert set(plane.states.values()) == {"finished"} and len(plane.states) == len(FILES)
            plane.records.sort(key=lambda record: str(record["path"]))
            return plane

    def download(self, agent: Agent, plane: ArtifactRecords, name: str, more: Dict[str, str]) -> Dict[str, bytes]:
        """Download what a control plane has records of; return the content by path."""
        goal = self.folder / name
        goal.mkdir()
        with ArtifactRecords() as again:
            again.records = plane.records
            agent(self.folder, {**self.variables, **again.variables, **more}, ("download", "*", str(goal)))
        return {str(file.relative_to(goal)): file.read_bytes() for file in goal.rglob("*") if file.is_file()}


@pytest.fixture(scope="module")
def azure_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificates.make(tmp_path_factory.mktemp("azure"), "*" + HOST)


@pytest.fixture(scope="module")
def azure(azure_folder: Path) -> Iterator[Azurite]:
    with Azurite(azure_folder, azure_folder) as server:
        server.create_container("box")
        yield server


@pytest.fixture
def bed(azure: Azurite, azure_folder: Path, tmp_path: Path) -> Iterator[Bed]:
    with TunnelProxy({"*" + HOST: azure.port}) as proxy, Artifactory() as artifactory:
        variables = {
            "HOME": str(tmp_path), "HTTPS_PROXY": proxy.url, "SSL_CERT_FILE": str(azure_folder / "ca.pem"),
            "BUILDKITE_AZURE_BLOB_ACCESS_KEY": KEY, **artifactory.variables,
        }  # fmt: skip
        yield Bed(azure, variables, artifactory, tmp_path)


@pytest.fixture
def ours(archive: str) -> Agent:
    def run(cwd: Path, variables: Dict[str, str], words: Tuple[str, ...]) -> str:
        done = bkagent(archive, "artifact", *words, cwd=cwd, env=variables)
        assert done.status == 0, done.text
        return done.text

    return run


def theirs(cwd: Path, variables: Dict[str, str], words: Tuple[str, ...]) -> str:
    done = subprocess.run(
        [reference.PROGRAM, "artifact", *words], cwd=str(cwd), env=environment(variables), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout.decode()
    return done.stdout.decode()


def compared(record: Dict[str, Any]) -> Dict[str, Any]:
    """Return what must agree of a record: all but its id, and of a link all but its time, version and signature."""
    parts = urlsplit(record["url"])
    names = {name: values for name, values in parse_qs(parts.query).items() if name not in ("se", "sig", "sv")}
    return {**record, "id": "", "url": (parts.scheme, parts.netloc, parts.path, names)}


def destinations(bed: Bed) -> List[Tuple[str, Dict[str, str]]]:
    return [
        (AZURE + "/by-key/{name}", {}),
        (AZURE + "/links/{name}/", {LIFETIME: "1h30m"}),
        (AZURE + "/by/connection/{name}", {LIFETIME: "1h", CONNECTION: bed.azure.connection_string}),
        ("rt://repo/{name}/x", {}),
        ("rt://repo-{name}", {}),
    ]  # fmt: skip


CASES = ("key", "link", "connection string", "artifactory", "artifactory without a path")


@pytest.mark.parametrize("number", range(len(CASES)), ids=CASES)
def test_files_go_to_a_store_and_come_back(bed: Bed, ours: Agent, number: int) -> None:
    destination, more = destinations(bed)[number]
    plane = bed.upload(ours, destination.format(name="ours"), more)
    assert bed.download(ours, plane, "back", more) == FILES


@reference.needs_reference
@pytest.mark.parametrize("number", range(len(CASES)), ids=CASES)
def test_each_agent_downloads_what_the_other_has_uploaded(bed: Bed, ours: Agent, number: int) -> None:
    destination, more = destinations(bed)[number]
    planes = {
        name: bed.upload(agent, destination.format(name=name), more)
        for name, agent in (("ours", ours), ("them", theirs))
    }
    records = {name: [compared(record) for record in plane.records] for name, plane in planes.items()}
    texts = {name: repr(of_agent).replace(name, "NAME") for name, of_agent in records.items()}
    assert texts["ours"] == texts["them"]
    assert bed.download(ours, planes["them"], "theirs-by-us", more) == FILES
    assert bed.download(theirs, planes["ours"], "ours-by-them", more) == FILES
    if destination.startswith("rt://"):
        for name, content in FILES.items():
            paths = [f"{destination[5:].format(name=agent)}/{name}" for agent in planes]
            assert [bed.artifactory.files[path] for path in paths] == [content, content]
        return
    folder = destination[len(AZURE) + 1 :].strip("/")
    for name, content in FILES.items():
        blobs = [bed.azure.blob("box", f"{folder.format(name=agent)}/{name}") for agent in planes]
        assert [blob.body for blob in blobs] == [content, content]
        same = ("x-ms-blob-type", "Content-Encoding", "Content-Disposition", "Cache-Control", "Content-MD5")
        assert [blobs[0].headers.get(field) for field in same] == [blobs[1].headers.get(field) for field in same]
        # A declared difference: the reference leaves it to Azure.
        assert blobs[1].headers.get("Content-Type") == "application/octet-stream"
        assert blobs[0].headers.get("Content-Type") == next(
            record["content_type"] for record in planes["ours"].records if record["path"] == name
        )


@reference.needs_reference
def test_a_file_of_several_blocks_is_the_same_by_both(bed: Bed, ours: Agent, azure: Azurite) -> None:
    content = bytes(range(256)) * (33 * 4096)  # 33 MiB: three blocks
    (bed.work / "large").mkdir()
    (bed.work / "large" / "a.bin").write_bytes(content)
    stored = []
    for name, agent in (("ours", ours), ("them", theirs)):
        with ArtifactRecords() as plane:
            agent(bed.work, {**bed.variables, **plane.variables}, ("upload", "large/*", f"{AZURE}/large/{name}"))
        stored.append(azure.blob("box", f"large/{name}/large/a.bin").body == content)
        for reader_name, reader in (("ours", ours), ("them", theirs)):
            assert bed.download(reader, plane, f"{name}-by-{reader_name}", {}) == {"large/a.bin": content}
    assert stored == [True, True]


def test_a_signature_in_the_destination_is_neither_shown_nor_recorded(bed: Bed, ours: Agent, azure: Azurite) -> None:
    signature = azure.signature("box", "rcw")
    with ArtifactRecords() as plane:
        variables = {**bed.variables, **plane.variables, "BUILDKITE_AZURE_BLOB_ACCESS_KEY": ""}
        text = ours(bed.work, variables, ("upload", "**/*", f"{AZURE}/signed?{signature}"))
        assert f'Uploading to Azure Blob storage ("{AZURE}/signed")' in text and "sig=" not in text
        assert "sig=" not in repr(plane.records) and plane.records[0]["upload_destination"] == f"{AZURE}/signed"
    assert azure.blob("box", "signed/index.html").body == FILES["index.html"]
