"""Each kind of credential of Google against servers that check what they are sent, and where credentials are found."""

import json
import random
import sys
import threading
import time

import pytest

from bkagent.cloud.cloud_context import CloudContext
from bkagent.cloud.google import default_credentials
from bkagent.cloud.google.authorized_client import AuthorizedClient
from bkagent.errors import AgentError, ConfigError, Refused, Unavailable, Unreachable, WireError
from bkagent.transport.client.http_client import Pool
from tests.fakes import google_accounts
from tests.fakes.google_accounts import ACCOUNT, CLOUD_PLATFORM, OTHER_ACCOUNT, SUBJECT_TOKEN, GoogleAccounts, Grant
from tests.fakes.scripted_server import Answer, Raw

SCOPE = "https://www.googleapis.com/auth/devstorage.full_control"


class Client:
    """A context as a command has it. `reports` is what it was told; it never waits."""

    def __init__(self, tmp_path, **environ):
        self.reports, self.waits, self.ahead_s = [], [], 0.0
        self.pool = Pool("http://localhost", environ)
        self.context = CloudContext(
            self.pool, environ, str(tmp_path), "tests", lambda level, text: self.reports.append((level, text)),
            lambda seconds: self.waits.append(seconds), lambda: time.time() + self.ahead_s,
        )  # fmt: skip

    def read(self, document):
        text = document if isinstance(document, bytes) else json.dumps(document).encode()
        return default_credentials.read_credentials(self.context, text, "the tests' file", (SCOPE,))

    def token(self, document):
        return self.read(document).tokens.get().reveal()

    def warnings(self):
        return [text for level, text in self.reports if level == "warn"]


@pytest.fixture
def accounts():
    return GoogleAccounts()


@pytest.fixture
def server(accounts):
    google_accounts.account_key()
    with google_accounts.start(accounts) as started:
        yield started


@pytest.fixture
def client(tmp_path):
    made = Client(tmp_path)
    yield made
    made.pool.close()


def external(accounts, server, source, **members):
    return accounts.document(server.url, "external_account", credential_source=source, **members)


def documents(accounts, server, tmp_path):
    """Yield (configuration, the grant of its tokens) for each kind."""
    url = server.url
    person = accounts.document(url, "authorized_user")
    yield accounts.document(url, "service_account"), Grant(ACCOUNT, [SCOPE])
    yield person, Grant("person", [])
    yield accounts.document(url, "external_account_authorized_user"), Grant("workforce", [])
    (tmp_path / "plain").write_text(SUBJECT_TOKEN + "\n")
    (tmp_path / "members").write_text(json.dumps({"access_token": SUBJECT_TOKEN}))
    named = {"type": "json", "subject_token_field_name": "access_token"}
    plain = {"file": str(tmp_path / "plain")}
    yield external(accounts, server, plain), Grant("workload", [SCOPE])
    yield external(accounts, server, {"file": str(tmp_path / "members"), "format": named}), Grant("workload", [SCOPE])
    of_value = {**named, "subject_token_field_name": "value"}
    by_url = {"url": f"{url}/subject", "headers": {"Metadata": "True"}, "format": of_value}
    yield external(accounts, server, by_url), Grant("workload", [SCOPE])
    workforce = external(
        accounts, server, plain, workforce_pool_user_project="77",
        audience="//iam.googleapis.com/locations/global/workforcePools/pool/providers/provider",
    )  # fmt: skip
    yield workforce, Grant('workload{"userProject":"77"}', [SCOPE])
    acting = external(
        accounts, server, plain, service_account_impersonation_url=google_accounts.impersonation_url(url),
        service_account_impersonation={"token_lifetime_seconds": 1800},
    )  # fmt: skip
    yield acting, Grant(f"workload>{OTHER_ACCOUNT}", [SCOPE])
    impersonated = accounts.document(
        url, "impersonated_service_account", source_credentials=person, delegates=["between@example.com"]
    )
    yield impersonated, Grant(f"person>between@example.com>{OTHER_ACCOUNT}", [SCOPE])
    nested = accounts.document(
        url, "impersonated_service_account", source_credentials=accounts.document(url, "service_account")
    )
    yield nested, Grant(f"{ACCOUNT}>{OTHER_ACCOUNT}", [SCOPE])


def test_every_kind_of_configuration_gives_a_token_of_the_scope(accounts, server, client, tmp_path):
    count = 0
    for document, grant in documents(accounts, server, tmp_path):
        assert accounts.grants[client.token(document)] == grant
        count += 1
    assert count == 10
    assert accounts.workload_headers["metadata"] == "True"
    assert client.warnings() == []


def test_what_a_configuration_lacks_is_named_without_its_secrets(accounts, server, client, tmp_path):
    account = accounts.document(server.url, "service_account")
    (tmp_path / "empty").write_text("")
    cases = [
        (b"no json", "the tests' file is not JSON"),
        (b"[" * 200_000, "the tests' file is not JSON"),
        (b" " * 1_100_000, "more than 1048576 bytes"),
        (b"[]", "the tests' file: expected a JSON object"),
        ({}, "must have a type: one of service_account, authorized_user, external_account"),
        ({"type": "gdch_service_account"}, "gdch_service_account, which is not supported: it belongs to Google Dist"),
        ({"installed": {"client_id": "x"}}, r"an OAuth client \(installed\), which needs a person with a browser"),
        ({**account, "client_email": 3}, "client_email must be a string"),
        ({**account, "private_key": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"}, "private_key: "),
        ({**account, "token_uri": "http://tokens.example/x?secret=1"}, "token_uri must be an https:// URL"),
        (accounts.document(server.url, "impersonated_service_account"), "source_credentials: type must be"),
        (
            accounts.document(
                server.url, "impersonated_service_account", source_credentials={"type": "impersonated_service_account"}
            ),
            "source_credentials must not be an impersonated_service_account",
        ),
        (external(accounts, server, {}), "credential_source must have one of environment_id, file, url, executable"),
        (external(accounts, server, {"certificate": {}}), "certificates are not supported"),
        (external(accounts, server, {"file": "/x", "format": {"type": "xml"}}), "format.type must be text or json"),
        (
            external(accounts, server, {"file": "/x"}, workforce_pool_user_project="7"),
            "workforce_pool_user_project belongs to the audience of a workforce pool alone",
        ),
        (external(accounts, server, {"file": str(tmp_path / "no")}), "cannot be read: No such file"),
        (external(accounts, server, {"file": str(tmp_path / "empty")}), "is empty"),
        (
            external(
                accounts, server, {"file": "/x"}, service_account_impersonation_url="https://x.example/",
                service_account_impersonation={"token_lifetime_seconds": 5},
            ),
            "token_lifetime_seconds must be from 600 to 43200, not 5",
        ),
    ]  # fmt: skip
    for document, message in cases:
        # Another try is of no use, but where a file is written by a program that is still at it.
        kind = WireError if message == "is empty" else ConfigError
        with pytest.raises(kind, match=message) as problem:
            client.token(document)
        assert "secret" not in str(problem.value).replace("since secrets are sent", "")
    assert not accounts.grants


def program(tmp_path, answer, **more):
    script = tmp_path / "program.py"
    script.write_text(
        "import json, os, sys\n"
        "names = ('AUDIENCE', 'TOKEN_TYPE', 'INTERACTIVE', 'IMPERSONATED_EMAIL', 'OUTPUT_FILE')\n"
        "seen = {name: os.environ.get('GOOGLE_EXTERNAL_ACCOUNT_' + name) for name in names}\n"
        f"open({str(tmp_path / 'seen')!r}, 'a').write(json.dumps(seen) + '\\n')\n"
        f"print({json.dumps(answer)!r})\n"
    )
    return {"executable": {"command": f"{sys.executable} {script}", **more}}


def test_a_program_gives_the_token_where_that_is_allowed(accounts, server, tmp_path):
    answer = {
        "version": 1, "success": True, "token_type": "urn:ietf:params:oauth:token-type:jwt", "id_token": SUBJECT_TOKEN,
    }  # fmt: skip
    document = external(accounts, server, program(tmp_path, answer))
    with pytest.raises(ConfigError, match="runs only if GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1 is set"):
        Client(tmp_path).token(document)
    allowed = Client(tmp_path, GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES="1")
    assert accounts.grants[allowed.token(document)].subject == "workload"
    assert json.loads((tmp_path / "seen").read_text())["INTERACTIVE"] == "0"

    kept = tmp_path / "kept.json"
    cached = external(accounts, server, program(tmp_path, answer, output_file=str(kept)))
    with pytest.raises(WireError, match="expiration_time must be there where output_file is set"):
        allowed.token(cached)
    for expires_s, runs_count in ((time.time() + 600, 0), (time.time() - 5, 1)):
        (tmp_path / "seen").unlink()
        (tmp_path / "seen").write_text("")
        kept.write_text(json.dumps({**answer, "expiration_time": int(expires_s)}))
        fresh = program(tmp_path, {**answer, "expiration_time": int(time.time() + 600)}, output_file=str(kept))
        assert accounts.grants[allowed.token(external(accounts, server, fresh))].subject == "workload"
        assert len((tmp_path / "seen").read_text().splitlines()) == runs_count

    for answer, message in (
        ({"version": 1, "success": False, "code": "401", "message": "log in"}, "has no token: 401: log in"),
        ({"version": 2, "success": True}, "version must be 1, found 2"),
        ({"version": 1, "success": True, "token_type": "cookie"}, "token_type must be one of"),
        ([], "expected a JSON object"),
    ):
        with pytest.raises(AgentError, match=message):
            allowed.token(external(accounts, server, program(tmp_path, answer)))
    failing = {"executable": {"command": f"{sys.executable} -c 1/0"}}
    with pytest.raises(AgentError, match="failed with exit status 1"):
        allowed.token(external(accounts, server, failing))
    with pytest.raises(ConfigError, match="timeout_millis from 5000 to 120000"):
        allowed.token(external(accounts, server, {"executable": {"command": "x", "timeout_millis": 1}}))


def test_configurations_of_any_form_are_refused_by_name(accounts, server, client, tmp_path):
    seeded = random.Random(11)
    whole = [document for document, _ in documents(accounts, server, tmp_path)]
    strange = (None, "", 0, -1, 1e300, True, [], [[]], {}, {"type": {}}, "\0", "\ud800", "x" * 9999, "http://[", "//")

    def spoil(document):
        name = seeded.choice(sorted(document))
        if isinstance(document[name], dict) and document[name] and seeded.random() < 0.7:
            spoil(document[name])
        else:
            document[name] = seeded.choice(strange)

    refused_count = 0
    for _ in range(400):
        document = json.loads(json.dumps(seeded.choice(whole)))
        spoil(document)
        try:
            client.read(document)
        except AgentError as problem:
            refused_count += 1
            assert "\n" not in str(problem) and "the tests' file" in str(problem), problem
    assert 100 < refused_count < 400
    assert not accounts.grants


def test_a_refusal_is_shown_in_the_servers_words(accounts, server, client):
    document = accounts.document(server.url, "authorized_user", refresh_token="1//revoked")
    with pytest.raises(
        Refused, match=r"POST .*/token answered 400: invalid_grant: Token has been revoked\."
    ) as problem:
        client.token(document)
    assert "1//" not in str(problem.value)


def test_a_server_that_is_busy_is_asked_again_when_it_says(accounts, server, client):
    busy = [
        Answer(503, headers={"Retry-After": "7"}),
        Answer(429),
        Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"),
    ]
    accounts.faults["/token"] = busy
    assert client.token(accounts.document(server.url, "service_account"))
    assert client.waits == [7.0, 2.0, 4.0]
    accounts.faults["/token"] = [Answer(503)] * 4
    with pytest.raises(Unavailable, match="503"):
        client.token(accounts.document(server.url, "service_account"))


def test_answers_that_make_no_sense_are_refused(accounts, server, client):
    document = accounts.document(server.url, "service_account")
    cases = [
        (Answer(200, body=b"<html>"), WireError, "the answer is not JSON"),
        (Answer(200, {"access_token": "a b", "expires_in": 9}), WireError, "characters that a token cannot have"),
        (Answer(200, {"access_token": "a\r\nX: y", "expires_in": 9}), WireError, "characters that a token cannot have"),
        (Answer(200, {"access_token": "x"}), WireError, "expires_in must be"),
        (Answer(200, {"expires_in": 9}), WireError, "access_token must be"),
        (
            Answer(302, headers={"Location": "http://127.0.0.1:1/x?s"}),
            Refused,
            "302: it redirects to http://127.0.0.1:1/x$",
        ),
        (Answer(403, body=b"<html>no"), Refused, "403: the answer is an HTML page of something in between$"),
    ]
    for answer, kind, message in cases:
        accounts.faults["/token"] = [answer]
        with pytest.raises(kind, match=message):
            client.token(document)
    accounts.faults["/token"] = [Answer(200, body=b"x" * 1_100_000)] * 4
    with pytest.raises(Unreachable, match="longer than 1048576 bytes"):
        client.token(document)


@pytest.mark.parametrize("ahead_s", [3600.0, -3600.0])
def test_a_clock_that_is_off_by_an_hour_is_said_and_the_servers_time_is_used(accounts, server, client, ahead_s):
    accounts.clock_ahead_s = ahead_s
    credentials = client.read(accounts.document(server.url, "service_account"))
    assert accounts.grants[credentials.tokens.get().reveal()].subject == ACCOUNT
    [warning] = client.warnings()
    assert ("behind" if ahead_s > 0 else "ahead") in warning
    credentials.tokens.discard(credentials.tokens.get())
    credentials.tokens.get()
    assert server.lines == ["POST /token"] * 3 and len(client.warnings()) == 1


def test_a_clock_off_by_an_hour_does_not_shorten_what_impersonation_gives(accounts, server, client):
    accounts.clock_ahead_s = -7200.0
    person = accounts.document(server.url, "authorized_user")
    credentials = client.read(accounts.document(server.url, "impersonated_service_account", source_credentials=person))
    assert credentials.tokens.get() is credentials.tokens.get()


def test_many_threads_share_a_token_and_its_renewal(accounts, server, client):
    credentials = client.read(accounts.document(server.url, "service_account"))

    def tokens_of_threads():
        taken, start = [], threading.Barrier(16)

        def take():
            start.wait()
            taken.append(credentials.tokens.get().reveal())

        threads = [threading.Thread(target=take) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return set(taken)

    assert tokens_of_threads() == {"ya29.1"}
    client.ahead_s = 3600.0  # it has expired
    accounts.clock_ahead_s = 3600.0
    assert tokens_of_threads() == {"ya29.2"}
    client.ahead_s += 3600 - 200.0  # it soon will
    accounts.clock_ahead_s = client.ahead_s
    credentials.tokens.get()
    assert tokens_of_threads() == {"ya29.3"}


def test_a_refused_token_is_replaced_once(accounts, server, client):
    answers = [Answer(401), Answer(200, body=b"whole"), Answer(401), Answer(401)]
    server.routes["GET /object"] = lambda request: answers.pop(0)
    authorized = AuthorizedClient(client.context, client.read(accounts.document(server.url, "service_account")))
    assert authorized.send("GET", server.url + "/object", {}, timeout_s=5).body == b"whole"
    assert authorized.send("GET", server.url + "/object", {}, timeout_s=5).status == 401
    sent = [request.headers["authorization"] for request in server.seen if request.path == "/object"]
    assert sent == ["Bearer ya29.1", "Bearer ya29.2", "Bearer ya29.2", "Bearer ya29.3"]


def find(client):
    return default_credentials.find_credentials(client.context, (SCOPE,))


def test_credentials_are_looked_for_in_three_places(accounts, server, tmp_path, monkeypatch):
    host = server.url.partition("://")[2]
    gcloud = tmp_path / ".config" / "gcloud"
    gcloud.mkdir(parents=True)
    named = tmp_path / "named.json"
    named.write_text(json.dumps(accounts.document(server.url, "service_account")))

    # Any proxy would mean another machine; what is called localhost never goes through one.
    direct = host.replace("localhost", "0.0.0.0")
    machine = find(Client(tmp_path, GCE_METADATA_HOST=direct, HTTP_PROXY="http://127.0.0.1:1"))
    assert accounts.grants[machine.tokens.get().reveal()] == Grant("machine", [SCOPE])

    person = accounts.document(server.url, "authorized_user", quota_project_id="quota")
    (gcloud / "application_default_credentials.json").write_text(json.dumps(person))
    found = find(Client(tmp_path, GCE_METADATA_HOST=host))
    assert accounts.grants[found.tokens.get().reveal()].subject == "person" and found.quota_project == "quota"

    variable = {"GOOGLE_APPLICATION_CREDENTIALS": str(named), "GOOGLE_CLOUD_QUOTA_PROJECT": "other"}
    found = find(Client(tmp_path, **variable))
    assert accounts.grants[found.tokens.get().reveal()].subject == ACCOUNT and found.quota_project == "other"

    missing = Client(tmp_path, GOOGLE_APPLICATION_CREDENTIALS=str(tmp_path / "missing"))
    with pytest.raises(ConfigError, match=r"missing \(GOOGLE_APPLICATION_CREDENTIALS\) cannot be read: No such file"):
        find(missing)


def test_without_any_credentials_the_places_are_named(tmp_path, monkeypatch):
    from bkagent.cloud.google import metadata_server

    monkeypatch.setattr(metadata_server, "_ADDRESS", "127.0.0.1:1")
    with pytest.raises(ConfigError, match="GOOGLE_APPLICATION_CREDENTIALS is not set, .*gcloud.* does not exist"):
        find(Client(tmp_path))


def test_only_what_says_it_is_googles_is_a_metadata_server(accounts, server, tmp_path):
    server.routes["GET /computeMetadata/v1/instance/service-accounts/default/token"] = Answer(
        200, {"access_token": "stolen", "expires_in": 3600}
    )
    credentials = find(Client(tmp_path, GCE_METADATA_HOST=server.url.partition("://")[2]))
    with pytest.raises(WireError, match="does not come from Google's metadata server"):
        credentials.tokens.get()
    assert CLOUD_PLATFORM not in str(accounts.grants)
