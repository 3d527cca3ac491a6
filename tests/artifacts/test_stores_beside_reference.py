"""Artifactory and Azure Blob storage beside the reference's agent: what each leaves there, and reads of the other's."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple

import pytest

from bkagent.config.launching import self_command
from tests.artifacts.artifact_plane import ArtifactPlane
from tests.fakes import certificates
from tests.fakes.artifactory import Artifactory
from tests.fakes.azurite import ACCOUNT, HOST, KEY, Azurite
from tests.fakes.reference import PROGRAM as REFERENCE
from tests.fakes.reference import needs_reference
from tests.fakes.tunnel_proxy import TunnelProxy

pytestmark = needs_reference
MIB = 1024 * 1024
PROGRAMS: Dict[str, List[str]] = {"us": self_command.command([]), "it": [REFERENCE]}
NAMES = (
    "plain.txt", "a dir/with spaces +plus.log", "ünïcödé/漢字 🙂.json", "tilde~(1)!*'.css", "semi:colon@at,$.bin",
    "deep/er/than/that/x.tar.gz", 'quo"te.txt', "br[ack]et{s}.txt", "page.HTML", "empty",
)  # fmt: skip
# The reference puts paths into the URLs of downloads from Artifactory as they are, and does not find these.
UNESCAPED = ("100%/x&y=z;q?#.html", "a/plus+plus/b%2Fc.txt")


class Site(NamedTuple):
    """A store: the destination for a folder, the variables, and what it keeps below the folder, by artifact path."""

    destination: Callable[[str], str]
    environ: Dict[str, str]
    kept: Callable[[str], Dict[str, Dict[str, Any]]]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a folder of files."""
    folder = tmp_path / "source"
    for name in NAMES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"" if name == "empty" else name.encode() * 3)
    (folder / "large.bin").write_bytes(bytes(range(256)) * (17 * MIB // 256))
    return folder


def add(folder: Path, names: "tuple[str, ...]") -> None:
    """Write more files."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())


def contents_of(folder: Path) -> Dict[str, bytes]:
    """Return the files of a folder by their paths."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def without(folder: str, plane: ArtifactPlane) -> Dict[str, Dict[str, Any]]:
    """Return the records of a run by paths, with another name for its folder in the store."""
    return {
        path: {name: text.replace(f"/{folder}/", "/RUN/") if isinstance(text, str) else text
               for name, text in record.items()}
        for path, record in plane.by_path.items()
    }  # fmt: skip


def compare(site: Site, source: Path, tmp_path: Path) -> Dict[str, Dict[str, Dict[str, Any]]]:
    """Have each program upload and the other one download; compare the records; return what the store keeps of each."""
    records, kept = {}, {}
    for name, other in (("us", "it"), ("it", "us")):
        with ArtifactPlane() as plane:
            words = ("upload", "**/*", site.destination(name), "--job", "j")
            plane.run(PROGRAMS[name], source, site.environ, *words)
            assert set(plane.states.values()) == {"finished"} and len(plane.states) == len(plane.records)
            records[name], kept[name] = without(name, plane), site.kept(name)
            goal = tmp_path / f"of-{name}"
            goal.mkdir()
            for id in [id for id, record in plane.records.items() if record["path"] in UNESCAPED]:
                del plane.records[id]
            plane.run(PROGRAMS[other], goal, site.environ, "download", "*", ".", "--build", "b")
        wanted = {path: content for path, content in contents_of(source).items() if path not in UNESCAPED}
        assert contents_of(goal) == wanted
    assert records["us"] == records["it"] and sorted(records["us"]) == sorted(contents_of(source))
    return kept


def test_artifactory(source: Path, tmp_path: Path) -> None:
    """Bytes, paths, checksums, records and their URLs; Artifactory tells the content type by itself."""
    add(source, UNESCAPED)
    with Artifactory() as server:

        def kept(folder: str) -> Dict[str, Dict[str, Any]]:
            sent = {request.path: request.headers for request in server.seen if request.method == "PUT"}
            paths = {path: path.replace(f"/{folder}/", "/RUN/") for path in sent if f"/{folder}/" in path}
            names = ("authorization", "content-type", "x-checksum-md5", "x-checksum-sha1", "x-checksum-sha256")
            return {paths[path]: {name: sent[path].get(name) for name in names} for path in paths}

        site = Site(lambda folder: f"rt://repo/{folder}/p", server.variables, kept)
        both = compare(site, source, tmp_path)
        assert both["us"] == both["it"]
        files = {path: content for path, content in server.files.items() if "/us/" in path}
        assert files == {f"repo/us/p/{path}": content for path, content in contents_of(source).items()}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificates.make(tmp_path_factory.mktemp("certificates"), "*" + HOST)


@pytest.fixture(scope="module")
def azure(authority: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    with Azurite(authority, tmp_path_factory.mktemp("azurite")) as server:
        yield server


@pytest.mark.parametrize("by", ["key", "connection string"])
def test_azure(azure: Azurite, authority: Path, source: Path, tmp_path: Path, by: str) -> None:
    """Bytes, names, kind of blob, records and their URLs. Ours alone tells Azure the content types."""
    container = f"c{uuid.uuid4().hex}"
    azure.create_container(container)
    with TunnelProxy({"*" + HOST: azure.port}) as proxy:
        environ = {"HTTPS_PROXY": proxy.url, "SSL_CERT_FILE": str(authority / "ca.pem")}
        if by == "key":
            environ["BUILDKITE_AZURE_BLOB_ACCESS_KEY"] = KEY
        else:
            environ["BUILDKITE_AZURE_BLOB_CONNECTION_STRING"] = azure.connection_string

        def kept(folder: str) -> Dict[str, Dict[str, Any]]:
            blobs = {path: azure.blob(container, f"{folder}/p/{path}") for path in contents_of(source)}
            names = ("x-ms-blob-type", "Content-Length", "Content-Disposition", "Cache-Control", "Content-Encoding")
            return {
                path: {"content": blob.body, "type": blob.headers.get("Content-Type"),
                       **{name: blob.headers.get(name) for name in names}}
                for path, blob in blobs.items()
            }  # fmt: skip

        site = Site(lambda folder: f"https://{ACCOUNT}{HOST}/{container}/{folder}/p", environ, kept)
        both = compare(site, source, tmp_path)
    types = {name: {blob.pop("type") for blob in blobs.values()} for name, blobs in both.items()}
    assert both["us"] == both["it"]
    assert types["it"] == {"application/octet-stream"} and "text/html; charset=utf-8" in types["us"]
