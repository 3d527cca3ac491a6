"""Azure Blob storage, on Azurite over https and on a server that answers what Azure would not."""

from __future__ import annotations

import base64
import hashlib
import re
import threading
import time
import urllib.request
import uuid
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

from bkagent.artifacts.stores import azure_location, azure_upload
from bkagent.errors import AgentError, ConfigError, Refused, Unavailable, Unreachable, WireError
from bkagent.transport.client import tls
from tests.fakes import certificates
from tests.fakes.azurite import ACCOUNT, HOST, KEY, Azurite
from tests.fakes.entra import CLIENT, TENANT, Entra
from tests.fakes.scripted_server import Answer, Raw, Request, ScriptedServer
from tests.fakes.store_driver import StoreDriver, artifact_of, send_parts
from tests.fakes.tunnel_proxy import TunnelProxy

SMALL_BLOCK_BYTES = 64 * 1024
LIFETIME = "BUILDKITE_AZURE_BLOB_SAS_TOKEN_DURATION"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificates.make(tmp_path_factory.mktemp("certificates"), "*" + HOST)


@pytest.fixture(scope="module")
def azure(authority: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    with Azurite(authority, tmp_path_factory.mktemp("azurite")) as server:
        yield server


@pytest.fixture
def environ(azure: Azurite, authority: Path) -> Iterator[Dict[str, str]]:
    """Return variables with which names of Azure lead to Azurite, and no credential."""
    with TunnelProxy({"*" + HOST: azure.port}) as proxy:
        yield {"HTTPS_PROXY": proxy.url, "SSL_CERT_FILE": str(authority / "ca.pem"), "PATH": ""}


@pytest.fixture
def container(azure: Azurite) -> str:
    name = f"c{uuid.uuid4().hex}"
    azure.create_container(name)
    return name


@pytest.fixture
def by_key(environ: Dict[str, str]) -> Dict[str, str]:
    return {**environ, "BUILDKITE_AZURE_BLOB_ACCESS_KEY": KEY}


def destination(container: str, folder: str = "builds/7") -> str:
    return f"https://{ACCOUNT}{HOST}/{container}/{folder}"


def plant(folder: Path, content: bytes, name: str = "a.txt") -> Path:
    file = folder / name
    file.write_bytes(content)
    return file


NAMES = ["a.txt", "d/e f/ü%41+c(1)'&=:@,;~#?.txt", "win\\dows\\x", "d//./e/../z", "../../up", "[a]*!$"]


@pytest.mark.parametrize("name", NAMES, ids=[str(number) for number in range(len(NAMES))])
def test_a_file_arrives_with_its_name_and_type_and_comes_back(
    azure: Azurite, container: str, by_key: Dict[str, str], tmp_path: Path, name: str
) -> None:
    file = plant(tmp_path, b"content of " + name.encode())
    driver = StoreDriver(destination(container), by_key)
    driver.upload(file, name)
    blob = {"win\\dows\\x": "builds/7/win/dows/x", "d//./e/../z": "builds/7/d/z", "../../up": "up"}.get(
        name, "builds/7/" + name
    )
    stored = azure.blob(container, blob)
    assert stored.body == file.read_bytes() and stored.headers.get("Content-Type") == "text/x-tests; charset=utf-8"
    assert driver.download(artifact_of(file, name)) == file.read_bytes()
    assert driver.head.whole_bytes == len(file.read_bytes()) and driver.head.version


def test_an_empty_file_is_an_empty_blob(azure: Azurite, container: str, by_key: Dict[str, str], tmp_path: Path) -> None:
    file = plant(tmp_path, b"")
    driver = StoreDriver(destination(container, ""), by_key)
    driver.upload(file)
    assert azure.blob(container, "a.txt").body == b"" and driver.download(artifact_of(file)) == b""


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have blocks of 64 KiB, so that small files go in several."""
    monkeypatch.setattr(azure_upload, "BLOCK_BYTES", SMALL_BLOCK_BYTES)
    monkeypatch.setattr(azure_upload, "_MEBIBYTE", 1)


def test_a_large_file_goes_in_blocks(
    azure: Azurite, container: str, by_key: Dict[str, str], tmp_path: Path, small_blocks: None
) -> None:
    file = plant(tmp_path, bytes(range(256)) * 1000)  # four blocks, the last one shorter
    driver = StoreDriver(destination(container), by_key)
    started = driver.upload(file)
    assert [part.size for part in started.parts] == [SMALL_BLOCK_BYTES] * 3 + [256_000 - 3 * SMALL_BLOCK_BYTES]
    stored = azure.blob(container, "builds/7/a.txt")
    assert stored.body == file.read_bytes() and stored.headers.get("Content-Type") == "text/x-tests; charset=utf-8"
    assert driver.download(artifact_of(file), start_offset=100_000, size=5) == file.read_bytes()[100_000:100_005]
    assert (driver.head.start_offset, driver.head.whole_bytes) == (100_000, 256_000)


def test_another_run_sends_only_the_blocks_that_azure_lacks(
    azure: Azurite, container: str, by_key: Dict[str, str], tmp_path: Path, small_blocks: None
) -> None:
    file = plant(tmp_path, bytes(range(256)) * 1000)
    first = StoreDriver(destination(container), by_key).begin(file)
    send_parts(first, file, (1, 3))
    again = StoreDriver(destination(container), by_key).begin(file, saved=first.saved)
    assert sorted(again.kept_tags) == [1, 3] and again.saved == first.saved
    send_parts(again, file)
    again.finish(again.kept_tags)  # an answer that was lost: the same list once more
    assert azure.blob(container, "builds/7/a.txt").body == file.read_bytes()


def test_without_the_right_to_list_the_callers_own_record_counts(
    azure: Azurite, container: str, environ: Dict[str, str], tmp_path: Path, small_blocks: None
) -> None:
    goal = f"{destination(container)}?{azure.signature(container, 'cw')}"
    file = plant(tmp_path, bytes(range(256)) * 1000)
    first = StoreDriver(goal, environ).begin(file)
    send_parts(first, file, (1, 3))
    again = StoreDriver(goal, environ).begin(file, saved=first.saved)
    assert again.saved == first.saved and not again.kept_tags
    send_parts(again, file, (2, 4))
    again.finish({})
    assert azure.blob(container, "builds/7/a.txt").body == file.read_bytes()


SAVED: List[Any] = [
    {}, {"upload": "x"}, {"upload": 5, "block_bytes": SMALL_BLOCK_BYTES}, {"upload": "0" * 32},
    {"upload": "0" * 32, "block_bytes": SMALL_BLOCK_BYTES}, {"upload": None, "block_bytes": []},
]  # fmt: skip


@pytest.mark.parametrize("saved", SAVED, ids=[str(number) for number in range(len(SAVED))])
def test_an_upload_that_is_unknown_begins_anew(
    container: str, by_key: Dict[str, str], tmp_path: Path, small_blocks: None, saved: Any
) -> None:
    file = plant(tmp_path, b"x" * 200_000)
    started = StoreDriver(destination(container), by_key).begin(file, saved=saved)
    assert not started.kept_tags and started.saved["upload"] not in ("0" * 32, saved.get("upload"))


def test_blocks_grow_with_the_file_and_have_an_end(tmp_path: Path) -> None:
    artifact = artifact_of(plant(tmp_path, b""))
    sizes = {}
    for size in (1, 800_000_000_000, 1_000_000_000_000):
        sizes[size] = azure_upload._block_bytes(artifact._replace(size=size))
    mebibyte = 1024 * 1024
    assert sizes == {1: 16 * mebibyte, 800_000_000_000: 16 * mebibyte, 1_000_000_000_000: 20 * mebibyte}
    artifact = artifact._replace(size=2 * 10**14 + 10**13)
    with pytest.raises(AgentError, match="a.txt has .*; Azure Blob storage takes .* at most"):
        azure_upload._block_bytes(artifact)


def test_the_url_of_a_record_is_the_blobs_at_azure(by_key: Dict[str, str]) -> None:
    store = StoreDriver(destination("box", "builds/7/"), by_key).store
    assert store.url_of("d/e f+ü.txt") == f"https://{ACCOUNT}{HOST}/box/builds/7/d/e%20f+%C3%BC.txt"


def test_a_link_opens_one_blob_for_a_while(
    azure: Azurite, container: str, environ: Dict[str, str], tmp_path: Path, authority: Path
) -> None:
    variables = {
        **environ, LIFETIME: "1h30m",
        "BUILDKITE_AZURE_BLOB_CONNECTION_STRING": azure.connection_string,
    }  # fmt: skip
    driver = StoreDriver(destination(container), variables)
    driver.upload(plant(tmp_path, b"shared"), "d/e f.txt")
    url = driver.store.url_of("d/e f.txt")
    assert url.startswith(f"{azure.endpoint}/{container}/builds%2F7%2Fd%2Fe%20f.txt?se=")
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=tls.context(environ))
    )
    assert opener.open(url).read() == b"shared"
    with pytest.raises(urllib.error.HTTPError, match="403"):
        opener.open(url.replace("e%20f.txt", "g.txt"))


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({LIFETIME: "tomorrow"}, "must be a duration such as 24h"),
        ({LIFETIME: "-1h"}, "must be a duration such as 24h"),
        ({LIFETIME: "1h", "BUILDKITE_AZURE_BLOB_ACCESS_KEY": ""}, "needs the account's key"),
    ],
    ids=["no duration", "the past", "no key"],
)  # fmt: skip
def test_a_link_that_cannot_be_made_is_said_once(variables: Dict[str, str], says: str) -> None:
    driver = StoreDriver(destination("box"), {"BUILDKITE_AZURE_BLOB_ACCESS_KEY": KEY, **variables})
    assert driver.store.url_of("a") == driver.store.url_of("a") == f"https://{ACCOUNT}{HOST}/box/builds/7/a"
    assert len(driver.said) == 1 and driver.said[0].startswith("error: ") and says in driver.said[0]


@pytest.mark.parametrize("where", ["destination", "connection string"])
def test_a_signature_of_the_owner_is_enough(
    azure: Azurite, container: str, environ: Dict[str, str], tmp_path: Path, where: str, small_blocks: None
) -> None:
    signature = azure.signature(container, "rcw")
    goal, variables = destination(container), dict(environ)
    if where == "destination":
        goal += "?" + signature
    else:
        text = f"BlobEndpoint={azure.endpoint};SharedAccessSignature={signature}"
        variables["BUILDKITE_AZURE_BLOB_CONNECTION_STRING"] = text
    driver = StoreDriver(goal, variables)
    for size in (5, 200_000):
        file = plant(tmp_path, b"s" * size)
        driver.upload(file)
        assert driver.download(artifact_of(file)) == azure.blob(container, "builds/7/a.txt").body == b"s" * size
    assert "sig" not in driver.store.url_of("a.txt")


def test_a_signature_that_has_expired_is_said_before_anything_is_sent(
    azure: Azurite, environ: Dict[str, str], tmp_path: Path
) -> None:
    driver = StoreDriver(f"{destination('box')}?{azure.signature('box', 'rcw', -5)}", environ)
    with pytest.raises(ConfigError, match="the shared access signature expired at 2"):
        driver.upload(plant(tmp_path, b""))


@pytest.fixture
def entra(authority: Path) -> Iterator[Entra]:
    with Entra(certificates.server_side(authority)) as server:
        yield server


def test_azure_takes_the_tokens_of_a_service_principal(
    azure: Azurite, container: str, environ: Dict[str, str], entra: Entra, tmp_path: Path
) -> None:
    variables = {
        **environ, "AZURE_AUTHORITY_HOST": entra.url, "AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": CLIENT,
        "AZURE_CLIENT_SECRET": "s",
    }  # fmt: skip
    driver = StoreDriver(destination(container), variables)
    file = plant(tmp_path, b"by token")
    driver.upload(file)
    assert driver.download(artifact_of(file)) == azure.blob(container, "builds/7/a.txt").body == b"by token"
    assert len(entra.forms) == 1


def test_a_token_that_azure_calls_invalid_is_renewed_once(authority: Path, entra: Entra, tmp_path: Path) -> None:
    seen: List[str] = []

    def check(request: Request) -> Answer:
        seen.append(request.headers["authorization"])
        return Answer(201, headers=AZURE) if len(seen) % 2 == 0 else refusal(401, "InvalidAuthenticationInfo")

    tls_server = ScriptedServer({"PUT /box/builds/7/a.txt": check}, certificates.server_side(authority))
    with tls_server, TunnelProxy({"*" + HOST: tls_server.port}) as proxy:
        variables = {
            "HTTPS_PROXY": proxy.url, "SSL_CERT_FILE": str(authority / "ca.pem"), "AZURE_AUTHORITY_HOST": entra.url,
            "AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": CLIENT, "AZURE_CLIENT_SECRET": "s",
        }  # fmt: skip
        driver = StoreDriver(destination("box"), variables)
        driver.upload(plant(tmp_path, b"x"))
        assert len(entra.forms) == 2 and len(set(seen)) == 2
        tls_server.routes["PUT /box/builds/7/a.txt"] = refusal(401, "InvalidAuthenticationInfo")
        with pytest.raises(Refused, match="401 InvalidAuthenticationInfo"):
            driver.upload(plant(tmp_path, b"x"))
        assert len(entra.forms) == 3 and len(tls_server.seen) == 4


def test_without_any_credential_each_source_says_what_it_lacks(environ: Dict[str, str], tmp_path: Path) -> None:
    driver = StoreDriver(destination("box"), {**environ, "AZURE_TOKEN_CREDENTIALS": "dev"})
    with pytest.raises(
        AgentError, match="there are no credentials for Azure .AzureCLICredential: az is not on the PATH;"
    ):
        driver.upload(plant(tmp_path, b""))


@pytest.mark.parametrize(
    ("goal", "says"),
    [
        (f"https://{HOST}/box/x", "must be https://ACCOUNT"),
        (f"https://a/b{HOST}/box/x", "invalid upload destination"),
        (f"https://acc:x@ount{HOST}/box/x", "must be https://ACCOUNT"),
        (f"https://{ACCOUNT}{HOST}//x", "must be https://ACCOUNT"),
    ],
)
def test_a_destination_that_names_no_container_is_refused(goal: str, says: str) -> None:
    with pytest.raises(AgentError, match=says):
        StoreDriver(goal + "?sig=secret", {})


def test_what_is_not_there_is_said_by_azures_code(container: str, by_key: Dict[str, str], tmp_path: Path) -> None:
    file = plant(tmp_path, b"x")
    with pytest.raises(Refused, match="404 BlobNotFound: The specified blob does not exist.$"):
        StoreDriver(destination(container), by_key).download(artifact_of(file))
    with pytest.raises(Refused, match="404 ContainerNotFound"):
        StoreDriver(destination("nowhere"), by_key).upload(file)
    # Azure itself answers 403 AuthenticationFailed.
    wrong = {**by_key, "BUILDKITE_AZURE_BLOB_ACCESS_KEY": base64.b64encode(b"wrong").decode()}
    with pytest.raises(Refused, match="400 InvalidAuthenticationInfo") as refusal:
        StoreDriver(destination(container), wrong).upload(file)
    assert "\n" not in str(refusal.value) and KEY not in str(refusal.value)


def test_a_blob_that_has_changed_is_fetched_from_its_start(
    container: str, by_key: Dict[str, str], tmp_path: Path
) -> None:
    driver = StoreDriver(destination(container), by_key)
    file = plant(tmp_path, b"first content")
    driver.upload(file)
    driver.download(artifact_of(file))
    version = driver.head.version
    assert driver.download(artifact_of(file), start_offset=6, version=version) == b"content"
    driver.upload(plant(tmp_path, b"second content"))
    assert driver.download(artifact_of(file), start_offset=6, version=version) == b"second content"
    assert driver.head.start_offset == 0 and driver.head.version != version


# What no emulator answers.

AZURE = {"x-ms-request-id": "1"}
BLOB = "PUT /teststore/box/builds/7/a.txt"
READ = "GET /teststore/box/builds/7/a.txt"


@pytest.fixture
def scripted() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


def driver_of(server: ScriptedServer, ahead_s: float = 0.0) -> StoreDriver:
    text = f"AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={server.url}/teststore"
    return StoreDriver(destination("box"), {"BUILDKITE_AZURE_BLOB_CONNECTION_STRING": text}, ahead_s)


def refusal(status: int, code: str, message: str = "No.", **headers: str) -> Answer:
    text = f"<Error><Code>{code}</Code><Message>{message}\nRequestId:1</Message></Error>"
    return Answer(status, body=text.encode(), headers={**AZURE, **headers})


def test_a_clock_that_is_off_takes_the_servers_time_once_and_says_so(scripted: ScriptedServer, tmp_path: Path) -> None:
    dates: List[str] = []

    def check(request: Request) -> Answer:
        dates.append(request.headers["x-ms-date"])
        if time.time() - parsedate_to_datetime(dates[-1]).timestamp() > 1800:
            date = formatdate(usegmt=True)
            return refusal(403, "AuthenticationFailed", "Request date header too old", Date=date)
        return Answer(201, headers=AZURE)

    scripted.routes[BLOB] = check
    driver = driver_of(scripted, ahead_s=-3600)
    for _ in range(3):
        driver.upload(plant(tmp_path, b"x"))
    assert len(dates) == 4 and len(driver.said) == 1, (dates, driver.said)
    # The Date of a server has whole seconds, and its answer may take some.
    assert re.match("warn: The clock of this machine is (59m5|1h0m)[0-9]s behind that of Azure Blob", driver.said[0])


@pytest.mark.parametrize("date", ["", "yesterday", "the same"], ids=["none", "malformed", "the same"])
def test_a_refusal_that_is_not_the_clocks_fault_is_final(scripted: ScriptedServer, tmp_path: Path, date: str) -> None:
    def refuse(request: Request) -> Answer:
        return refusal(403, "AuthenticationFailed", Date=formatdate(usegmt=True) if date == "the same" else date)

    scripted.routes[BLOB] = refuse
    driver = driver_of(scripted)
    with pytest.raises(Refused, match="403 AuthenticationFailed: No; check the account key"):
        driver.upload(plant(tmp_path, b"x"))
    assert len(scripted.seen) == 1 and not driver.said


def test_a_server_whose_time_jumps_is_not_followed(scripted: ScriptedServer, tmp_path: Path) -> None:
    hours = iter(range(1, 99))
    scripted.routes[BLOB] = lambda request: refusal(
        403, "AuthenticationFailed", Date=formatdate(time.time() + 3600 * next(hours), usegmt=True)
    )
    driver = driver_of(scripted)
    for _ in range(2):
        with pytest.raises(Refused):
            driver.upload(plant(tmp_path, b"x"))
    assert len(scripted.seen) == 3 and len(driver.said) == 1


def md5(content: bytes) -> Dict[str, str]:
    return {**AZURE, "Content-MD5": base64.b64encode(hashlib.md5(content).digest()).decode()}


FAULTS: Dict[str, Any] = {
    "moved": (Answer(301, headers={"Location": "https://evil.test/"}), Refused, "301: the storage must not redirect"),
    "busy": (refusal(503, "ServerBusy", **{"Retry-After": "9"}), Unavailable, "503 ServerBusy: No."),
    "a page in place of an error": (Answer(403, body=b"<html>no</html>"), Refused, "403: the answer is not Azure's"),
    "a page in place of success": (
        Answer(200, body=b"<html>hi</html>"),
        WireError,
        "200, and the answer is not Azure's",
    ),
    "a success of something else": (Answer(201), WireError, "201, and the answer is not Azure's"),
    "half an answer": (Raw(b"HTTP/1.1 201 Created\r\nx-ms-requ"), Unreachable, "EOF|reset"),
    "nothing": (Raw(b"", reset=True), Unreachable, "EOF|reset"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_an_upload_that_fails_says_how(scripted: ScriptedServer, tmp_path: Path, name: str) -> None:
    scripted.routes[BLOB], kind, says = FAULTS[name]
    with pytest.raises(kind, match=says) as failure:
        driver_of(scripted).upload(plant(tmp_path, b"x"))
    assert scripted.url in str(failure.value) and KEY not in str(failure.value)
    assert all(request.method == "PUT" for request in scripted.seen)  # a redirect would have made it a GET
    if name == "busy":
        assert failure.value.retry_after_s == 9.0  # type: ignore[attr-defined]


READ_FAULTS: Dict[str, Any] = {
    "a page": (Answer(200, body=b"<html>hi</html>"), WireError, "is there a proxy that"),
    "half of it": (
        Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nx-ms-request-id: 1\r\n\r\nhalf"), Unreachable, "EOF|reset"),
    "another checksum": (
        Answer(200, body=b"changed", headers=md5(b"content")), Unreachable, "the MD5 of what arrived is"),
    "a range that makes no sense": (
        Answer(206, body=b"x", headers={**AZURE, "Content-Range": "bytes nonsense"}), WireError, "makes no sense"),
}  # fmt: skip


@pytest.mark.parametrize("name", READ_FAULTS)
def test_a_download_that_fails_says_how(scripted: ScriptedServer, tmp_path: Path, name: str) -> None:
    scripted.routes[READ], kind, says = READ_FAULTS[name]
    with pytest.raises(kind, match=says):
        driver_of(scripted).download(artifact_of(plant(tmp_path, b""), sha256=""))


def test_a_checksum_that_agrees_lets_a_download_pass(scripted: ScriptedServer, tmp_path: Path) -> None:
    scripted.routes[READ] = Answer(200, body=b"content", headers=md5(b"content"))
    assert driver_of(scripted).download(artifact_of(plant(tmp_path, b""), sha256="")) == b"content"


def test_a_server_that_falls_silent_is_given_up(scripted: ScriptedServer, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(azure_location, "SILENCE_LIMIT_S", 0.05)
    release = threading.Event()
    scripted.routes[BLOB] = lambda request: Raw() if release.wait(30) else Raw()
    with pytest.raises(Unreachable, match="timed out"):
        driver_of(scripted).upload(plant(tmp_path, b"x"))
    release.set()
