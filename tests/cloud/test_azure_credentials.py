"""Where access tokens of Azure come from, by real requests to an Entra and to identity endpoints of the tests."""

from __future__ import annotations

import os
import stat
import sys
import threading
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Optional

import pytest

from bkagent.cloud.azure import arc, credential_chain, managed_identity
from bkagent.cloud.azure.token_source import STORAGE
from bkagent.cloud.cloud_context import CloudContext
from bkagent.cloud.token_answer import read_token
from bkagent.errors import AgentError, ConfigError, Refused, Unreachable, WireError
from bkagent.transport.client.http_client import Pool
from tests.fakes import certificates
from tests.fakes.entra import CLIENT, TENANT, Entra
from tests.fakes.scripted_server import Answer, Raw, Request, ScriptedServer

IMDS = "GET http://169.254.169.254/metadata/identity/oauth2/token"
TOKEN = {"access_token": "imds-token", "expires_in": "86400", "expires_on": "1700086400", "token_type": "Bearer"}


class Asker:
    """Asks for tokens with an environment; `said` has what was reported."""

    def __init__(self, environ: Dict[str, str], now: Callable[[], float] = lambda: 1_700_000_000.0) -> None:
        self.said: List[str] = []
        self.pool = Pool("http://localhost", environ)
        self.context = CloudContext(
            self.pool, environ, "", "agent/1", lambda level, text: self.said.append(text), lambda seconds: False, now
        )  # fmt: skip

    def token(self) -> str:
        return credential_chain.open_tokens(self.context, STORAGE).get().reveal()


def plant(folder: Path, name: str, script: str) -> Dict[str, str]:
    """Write a tool that prints what it was asked and what `script` says; return the environment that has it."""
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(f'#!/bin/sh\necho "$@" >> "{folder}/asked"\n{script}\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "AZURE_TOKEN_CREDENTIALS": "dev"}


needs_sh = pytest.mark.skipif(sys.platform == "win32", reason="the tools of the test are shell scripts")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificates.make(tmp_path_factory.mktemp("entra"))


@pytest.fixture
def entra(authority: Path) -> Iterator[Entra]:
    with Entra(certificates.server_side(authority)) as server:
        yield server


@pytest.fixture
def environ(entra: Entra, authority: Path) -> Dict[str, str]:
    """Return the variables of a service principal that lack its proof."""
    return {
        "AZURE_AUTHORITY_HOST": entra.url, "AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": CLIENT,
        "SSL_CERT_FILE": str(authority / "ca.pem"), "AZURE_TOKEN_CREDENTIALS": "prod",
    }  # fmt: skip


def test_a_client_secret_proves_an_application(entra: Entra, environ: Dict[str, str]) -> None:
    asker = Asker({**environ, "AZURE_CLIENT_SECRET": "s3cret+/="})
    assert asker.token().count(".") == 2
    grant = {"grant_type": "client_credentials", "client_id": CLIENT, "scope": STORAGE + "/.default"}
    assert entra.forms == [{**grant, "client_secret": "s3cret+/="}]


def test_a_wrong_secret_ends_the_chain_with_what_entra_says(entra: Entra, environ: Dict[str, str]) -> None:
    reason = "AADSTS7000215: Invalid client secret provided.\r\nTrace ID: 1"
    entra.faults.append(Answer(401, {"error": "invalid_client", "error_description": reason}))
    with pytest.raises(AgentError) as failure:
        Asker({**environ, "AZURE_CLIENT_SECRET": "s3cret"}).token()
    assert str(failure.value) == (
        "EnvironmentCredential: Microsoft Entra ID answered 401: invalid_client: "
        "AADSTS7000215: Invalid client secret provided."
    )


def test_an_entra_that_stays_down_may_be_asked_later(entra: Entra, environ: Dict[str, str]) -> None:
    entra.faults += [Answer(503)] * 4
    with pytest.raises(Unreachable, match="EnvironmentCredential: Microsoft Entra ID answered 503") as failure:
        Asker({**environ, "AZURE_CLIENT_SECRET": "s"}).token()
    assert failure.value.may_retry and len(entra.forms) == 4


def test_a_busy_entra_is_asked_again(entra: Entra, environ: Dict[str, str]) -> None:
    entra.faults += [Answer(503), Answer(429)]
    assert Asker({**environ, "AZURE_CLIENT_SECRET": "s"}).token() and len(entra.forms) == 3


@pytest.mark.parametrize(
    "fault",
    [
        Answer(200, body=b"<html>sign in</html>"), Answer(200, {"access_token": 5, "expires_in": 9}), Answer(200, []),
        Answer(200, {"access_token": "a\r\nb", "expires_in": 9}),
        Answer(200, {"access_token": "a", "expires_in": "soon"}),
        Answer(302, headers={"Location": "http://evil.test/"}), Answer(200, body=b"[" * 100_000),
        Answer(200, body=b'{"access_token": "a", "expires_in": 9}' + b" " * 2_000_000),
    ],
    ids=["html", "number", "list", "header", "lifetime", "redirect", "deep", "long"],
)  # fmt: skip
def test_an_answer_without_a_token_is_refused(entra: Entra, environ: Dict[str, str], fault: Answer) -> None:
    entra.faults += [fault] * 9
    with pytest.raises(AgentError, match="Microsoft Entra ID|the answer is longer than") as failure:
        Asker({**environ, "AZURE_CLIENT_SECRET": "s3cret"}).token()
    assert "s3cret" not in str(failure.value) and "\n" not in str(failure.value)


def test_a_file_of_kubernetes_is_read_for_each_token(entra: Entra, environ: Dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "token"
    asker = Asker({**environ, "AZURE_FEDERATED_TOKEN_FILE": str(file)})
    with pytest.raises(AgentError, match="WorkloadIdentityCredential: the file .* cannot be read: No such file"):
        asker.token()
    for assertion in ("first", "second"):
        file.write_text(assertion + "\n")
        asker.token()
        assert entra.forms[-1]["client_assertion"] == assertion
    assert entra.forms[-1]["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def test_a_virtual_machine_is_probed_and_then_asked() -> None:
    with ScriptedServer({IMDS: [Answer(400), Answer(404), Answer(200, TOKEN)]}) as machine:
        asker = Asker({"HTTP_PROXY": machine.url, "AZURE_CLIENT_ID": CLIENT, "AZURE_TOKEN_CREDENTIALS": "prod"})
        assert asker.token() == "imds-token"
    probe, refused, asked = machine.seen
    assert "metadata" not in probe.headers and asked.headers["metadata"] == "true" and refused.query == asked.query
    assert asked.query == f"api-version=2018-02-01&resource=https%3A%2F%2Fstorage.azure.com&client_id={CLIENT}"


def test_a_machine_without_an_identity_leaves_it_to_the_next_source() -> None:
    with ScriptedServer(
        {IMDS: Answer(400, {"error": "invalid_request", "error_description": "Identity not found"})}
    ) as machine:
        with pytest.raises(AgentError) as failure:
            Asker({"HTTP_PROXY": machine.url, "PATH": ""}).token()
        text = str(failure.value)
        assert (
            "ManagedIdentityCredential: the instance metadata service (169.254.169.254) answered 400: invalid_request"
            in text
        )
        assert (
            "EnvironmentCredential: AZURE_TENANT_ID is not set" in text
            and "AzureCLICredential: az is not on the PATH" in text
        )
        with pytest.raises(Refused):
            managed = {"HTTP_PROXY": machine.url, "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential"}
            try:
                Asker(managed).token()
            except AgentError as problem:
                assert problem.__cause__ is not None
                raise problem.__cause__ from None


@needs_sh
@pytest.mark.parametrize("status", [401, 403, 404])
def test_the_metadata_service_of_another_cloud_is_passed_over(tmp_path: Path, status: int) -> None:
    environ = plant(tmp_path / "bin", "az", """echo '{"accessToken": "cli", "expires_on": 1700003600}'""")
    del environ["AZURE_TOKEN_CREDENTIALS"]
    with ScriptedServer({IMDS: Answer(status, body=b"<html>not here</html>")}) as other:
        assert Asker({**environ, "HTTP_PROXY": other.url}).token() == "cli"


def test_a_machine_elsewhere_is_noticed_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(managed_identity, "_PROBE_S", 0.05)
    release = threading.Event()
    with ScriptedServer({IMDS: lambda request: Raw() if release.wait(30) else Raw()}) as silent:
        with pytest.raises(AgentError, match="this is no machine in Azure"):
            Asker({"HTTP_PROXY": silent.url, "PATH": ""}).token()
        release.set()


def identity(seen: List[Request]) -> Callable[[Request], Answer]:
    def give(request: Request) -> Answer:
        seen.append(request)
        return Answer(200, {"access_token": "host-token", "expires_on": "1700009999"})

    return give


@pytest.mark.parametrize(
    ("variables", "query", "headers"),
    [
        (
            {"IDENTITY_ENDPOINT": "{url}/token", "IDENTITY_HEADER": "h"},
            "api-version=2019-08-01&resource=R", {"x-identity-header": "h"},
        ),
        (
            {"IDENTITY_ENDPOINT": "{url}/token?a=b", "IDENTITY_HEADER": "h", "AZURE_CLIENT_ID": "c"},
            "a=b&api-version=2019-08-01&resource=R&client_id=c", {"x-identity-header": "h"},
        ),
        (
            {"MSI_ENDPOINT": "{url}/token", "MSI_SECRET": "m", "DEFAULT_IDENTITY_CLIENT_ID": "d"},
            "api-version=2017-09-01&resource=R&clientid=d", {"secret": "m"},
        ),
        ({"MSI_ENDPOINT": "{url}/token"}, "", {"metadata": "true"}),
    ],
    ids=["app service", "app service with client", "machine learning", "cloud shell"],
)  # fmt: skip
def test_a_host_is_asked_as_its_variables_say(variables: Dict[str, str], query: str, headers: Dict[str, str]) -> None:
    seen: List[Request] = []
    with ScriptedServer({"GET /token": identity(seen), "POST /token": identity(seen)}) as host:
        filled = {name: text.format(url=host.url) for name, text in variables.items()}
        assert Asker({**filled, "AZURE_TOKEN_CREDENTIALS": "prod"}).token() == "host-token"
    assert seen[0].query == query.replace("R", "https%3A%2F%2Fstorage.azure.com")
    assert {name: seen[0].headers[name] for name in headers} == headers


@pytest.mark.skipif(sys.platform == "win32", reason="the path of Azure Arc's keys differs")
def test_azure_arc_wants_a_file_to_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arc, "_key_folder", lambda environ: str(tmp_path))
    (tmp_path / "a.key").write_text("the-key")
    (tmp_path.parent / "b.key").write_text("another")
    named = [str(tmp_path / "a.key")]

    def give(request: Request) -> Answer:
        if request.headers.get("authorization") == "Basic the-key":
            return Answer(200, TOKEN)
        return Answer(401, headers={"WWW-Authenticate": f"Basic realm={named[0]}"})

    with ScriptedServer({"GET /token": give}) as agent:
        environ = {"IDENTITY_ENDPOINT": agent.url + "/token", "IMDS_ENDPOINT": "x", "AZURE_TOKEN_CREDENTIALS": "prod"}
        assert Asker(environ).token() == "imds-token"
        for path in (str(tmp_path.parent / "b.key"), f"{tmp_path}/../b.key", "/etc/passwd", ""):
            named[0] = path
            with pytest.raises(AgentError, match="which is not read"):
                Asker(environ).token()
        named[0] = str(tmp_path / "none.key")
        with pytest.raises(AgentError, match="must be in the group himds"):
            Asker(environ).token()


@needs_sh
@pytest.mark.parametrize(
    ("name", "output", "asked"),
    [
        (
            "az", '{"accessToken": "cli", "expires_on": 1700003600}',
            "account get-access-token --output json --resource https://storage.azure.com",
        ),
        ("az", '{"accessToken": "cli", "expiresOn": "2090-01-01 10:00:00.000000"}', "account get-access-token"),
        (
            "azd", '{"token": "cli", "expiresOn": "2090-01-01T10:00:00Z"}',
            "auth token --output json --no-prompt --scope https://storage.azure.com/.default",
        ),
        ("pwsh", '{"token": "cli", "expiresOn": 1700003600}', "-NoProfile -NonInteractive"),
    ],
    ids=["az", "older az", "azd", "powershell"],
)  # fmt: skip
def test_a_developer_who_has_signed_in_needs_nothing_else(tmp_path: Path, name: str, output: str, asked: str) -> None:
    environ = plant(tmp_path / "bin", name, f"echo '{output}'")
    assert Asker(environ).token() == "cli"
    assert (tmp_path / "bin" / "asked").read_text().startswith(asked)


@needs_sh
@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("echo \"ERROR: run 'az login'\" >&2; exit 1", "failed with status 1: ERROR: run 'az login'"),
        ("echo nothing", "did not print a JSON object"),
        ("echo '{\"accessToken\": \"\"}'", "printed no valid accessToken and expires_on"),
    ],
    ids=["not signed in", "no JSON", "no token"],
)  # fmt: skip
def test_what_a_tool_says_is_shown(tmp_path: Path, script: str, says: str) -> None:
    environ = {**plant(tmp_path / "bin", "az", script), "AZURE_TOKEN_CREDENTIALS": "azureclicredential"}
    with pytest.raises(AgentError) as failure:
        Asker(environ).token()
    assert says in str(failure.value)


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("InteractiveBrowserCredential", "needs a person with a browser"),
        ("DeviceCodeCredential", "needs a person with a browser"),
        ("nonsense", 'must be "dev", "prod" or one of EnvironmentCredential, '),
    ],
)
def test_what_cannot_be_selected_is_refused_by_name(word: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        credential_chain.selected_sources({"AZURE_TOKEN_CREDENTIALS": word})


def test_sources_are_those_of_the_reference_in_its_order() -> None:
    def names(**environ: str) -> List[str]:
        return [row.name.replace("Credential", "") for row in credential_chain.selected_sources(environ)]

    assert names() == [
        "Environment",
        "WorkloadIdentity",
        "ManagedIdentity",
        "AzureCLI",
        "AzureDeveloperCLI",
        "AzurePowerShell",
    ]
    assert names(AZURE_TOKEN_CREDENTIALS="prod") == names()[:3] and names(AZURE_TOKEN_CREDENTIALS="dev") == names()[3:]
    assert names(AZURE_TOKEN_CREDENTIALS="AZURECLIcredential") == ["AzureCLI"]


def test_a_user_with_a_password_is_refused_by_name(environ: Dict[str, str]) -> None:
    asker = Asker({**environ, "AZURE_USERNAME": "u", "AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential"})
    with pytest.raises(AgentError, match="must confirm it in a browser; set AZURE_CLIENT_SECRET"):
        asker.token()


@pytest.mark.parametrize("authority_host", ["http://login.test", "login.test"])
def test_secrets_go_to_an_authority_over_tls_only(environ: Dict[str, str], authority_host: str) -> None:
    with pytest.raises(AgentError, match="AZURE_AUTHORITY_HOST must be an https:// URL"):
        Asker({**environ, "AZURE_AUTHORITY_HOST": authority_host, "AZURE_CLIENT_SECRET": "s"}).token()


@pytest.mark.parametrize("tenant", ["a/b", "a?b", "ü", "a b"])
def test_a_tenant_cannot_change_the_path(environ: Dict[str, str], tenant: str) -> None:
    with pytest.raises(AgentError, match="AZURE_TENANT_ID must be"):
        Asker({**environ, "AZURE_TENANT_ID": tenant, "AZURE_CLIENT_SECRET": "s"}).token()


def test_many_threads_renew_a_token_once_and_in_time(entra: Entra, environ: Dict[str, str]) -> None:
    clock = [1_700_000_000.0]
    asker = Asker({**environ, "AZURE_CLIENT_SECRET": "s"}, lambda: clock[0])
    tokens = credential_chain.open_tokens(asker.context, STORAGE)
    held: List[str] = []

    def hold() -> None:
        held.append(tokens.get().reveal())

    for expected_count in (1, 2):
        threads = [threading.Thread(target=hold) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(entra.forms) == expected_count
        clock[0] += 3600 - 250  # expires in less than five minutes
    tokens.get()
    assert len(entra.forms) == 3


def test_the_source_that_has_worked_is_asked_again(entra: Entra, environ: Dict[str, str]) -> None:
    asker = Asker({**environ, "AZURE_CLIENT_SECRET": "s"})
    chain = credential_chain.TokenChain(asker.context, STORAGE)
    chain.fetch()
    chain.fetch()
    assert len(entra.forms) == 2 and asker.said == ["Azure access tokens come from EnvironmentCredential"]


@pytest.mark.parametrize(
    ("document", "expires_s"),
    [
        (b'{"access_token": "t", "expires_in": 3600}', 4600.0),
        (b'{"access_token": "t", "expires_in": "3600", "expires_on": "9"}', 4600.0),
        (b'{"access_token": "t", "expires_on": 77}', 77.0),
        (b'{"access_token": "t", "expires_on": "1e300"}', None),
        (b'{"access_token": "t", "expires_in": true}', None),
        (b'{"access_token": "t", "expires_in": -1}', None),
    ],
)
def test_a_lifetime_may_be_a_number_or_a_text(document: bytes, expires_s: Optional[float]) -> None:
    if expires_s is None:
        with pytest.raises(WireError, match="expires_in must be"):
            read_token(document, "X", 1000.0)
    else:
        assert read_token(document, "X", 1000.0).expires_s == expires_s
