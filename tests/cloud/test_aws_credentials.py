"""Credentials of AWS: each source, their order, their renewal, and what is said of those that cannot be used."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest

from bkagent.cloud.aws import chain, region
from bkagent.cloud.aws.credentials import AwsCredentials, NoCredentials
from bkagent.errors import AgentError, ConfigError
from bkagent.wire import timestamps
from tests.cloud.aws_fakes import NOW_S, Caller
from tests.fakes import moto
from tests.fakes.scripted_server import Answer, Request, ScriptedServer

ROLE = "arn:aws:iam::123456789012:role/ci"
ROLE_BY_KEY = (
    f"[default]\nrole_arn={ROLE}\nsource_profile=k\n[profile k]\naws_access_key_id=a\naws_secret_access_key=b\n"
)
STS_ANSWER = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>ASIAROLE{number}</AccessKeyId><SecretAccessKey>role-secret</SecretAccessKey>
<SessionToken>role-token</SessionToken><Expiration>{expires}</Expiration>
</Credentials></AssumeRoleResult></AssumeRoleResponse>"""


def _document(key: str, *, expires_s: float = NOW_S + 3600, **more: Any) -> Dict[str, Any]:
    return {
        "AccessKeyId": key, "SecretAccessKey": "s", "Token": "t", "Expiration": timestamps.text_of(expires_s), **more
    }  # fmt: skip


def _sts(expires_s: float = NOW_S + 3600) -> Any:
    """Return a route that answers with ASIAROLE1, ASIAROLE2 ..."""
    answered: List[Request] = []

    def answer(request: Request) -> Answer:
        answered.append(request)
        text = STS_ANSWER.format(number=len(answered), expires=timestamps.text_of(expires_s))
        return Answer(200, body=text.encode(), headers={"Content-Type": "text/xml"})

    return answer


def _key(caller: Caller, profile: str = "") -> str:
    return _credentials(caller, profile).access_key_id


def _credentials(caller: Caller, profile: str = "") -> AwsCredentials:
    return chain.credentials(caller.settings(profile)).get()


def test_keys_of_the_environment(tmp_path: Path) -> None:
    caller = Caller(tmp_path, {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "S", "AWS_SESSION_TOKEN": "T"})
    credentials = _credentials(caller)
    assert (credentials.access_key_id, credentials.secret_access_key.reveal()) == ("AKID", "S")
    assert credentials.session_token.reveal() == "T"
    assert "'S'" not in repr(credentials)
    assert "'T'" not in repr(credentials)


def test_the_order_of_the_sources(tmp_path: Path) -> None:
    """Variables, then the profile; a profile that the caller names comes first; AWS_PROFILE alone does not."""
    caller = Caller(tmp_path, {"AWS_ACCESS_KEY_ID": "AKIDENV", "AWS_SECRET_ACCESS_KEY": "S"})
    caller.write("credentials", "[default]\naws_access_key_id=AKIDFILE\naws_secret_access_key=S\n")
    assert _key(caller) == "AKIDENV"
    assert _key(caller, "default") == "AKIDFILE"
    del caller.environ["AWS_SECRET_ACCESS_KEY"]
    assert _key(caller) == "AKIDFILE"


def test_a_role_by_another_profile_and_its_settings(tmp_path: Path) -> None:
    with ScriptedServer({"POST /": _sts()}) as server:
        caller = Caller(tmp_path, {"AWS_ENDPOINT_URL_STS": server.url, "AWS_REGION": "eu-west-1"})
        caller.write(
            "config",
            f"[profile ci]\nrole_arn={ROLE}\nsource_profile=base\nexternal_id=x/1\nrole_session_name=builds\n"
            "duration_seconds=1800\n[profile base]\naws_access_key_id=AKIDBASE\naws_secret_access_key=S\n",
        )
        credentials = _credentials(caller, "ci")
    assert (credentials.access_key_id, credentials.session_token.reveal()) == ("ASIAROLE1", "role-token")
    (request,) = server.seen
    assert "Credential=AKIDBASE/20261130/eu-west-1/sts/aws4_request" in request.headers["authorization"]
    assert request.body == (
        b"Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fci"
        b"&RoleSessionName=builds&DurationSeconds=1800&ExternalId=x%2F1"
    )


def test_a_role_by_a_role(tmp_path: Path) -> None:
    with ScriptedServer({"POST /": _sts()}) as server:
        caller = Caller(tmp_path, {"AWS_ENDPOINT_URL": server.url, "AWS_REGION": "eu-west-1"})
        caller.write(
            "config",
            f"[profile top]\nrole_arn={ROLE}2\nsource_profile=ci\n[profile ci]\nrole_arn={ROLE}\nsource_profile=ci\n"
            "aws_access_key_id=AKIDBASE\naws_secret_access_key=S\n",
        )
        # A profile below another one that has a key is used for its key alone, as the SDKs do.
        assert _key(caller, "top") == "ASIAROLE1"
        assert _key(caller, "ci") == "ASIAROLE2"
    assert all("AKIDBASE" in request.headers["authorization"] for request in server.seen)


def test_a_role_is_renewed_before_it_ends(tmp_path: Path) -> None:
    with ScriptedServer({"POST /": _sts(NOW_S + 900)}) as server:
        caller = Caller(tmp_path, {"AWS_ENDPOINT_URL_STS": server.url, "AWS_REGION": "eu-west-1"})
        caller.write("config", f"[default]\nrole_arn={ROLE}\ncredential_source=Environment\n")
        caller.environ.update({"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "S"})
        credentials = chain.credentials(caller.settings("default"))
        assert [credentials.get().access_key_id, credentials.get().access_key_id] == ["ASIAROLE1", "ASIAROLE1"]
        caller.now_s += 601
        assert credentials.get().access_key_id == "ASIAROLE2"
    assert len(server.seen) == 2


def test_a_web_identity_shows_the_token_as_it_is_now(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("first.jwt\n")
    with ScriptedServer({"POST /": _sts(NOW_S + 60)}) as server:
        caller = Caller(
            tmp_path,
            {
                "AWS_ENDPOINT_URL_STS": server.url, "AWS_REGION": "eu-west-1", "AWS_ROLE_ARN": ROLE,
                "AWS_ROLE_SESSION_NAME": "builds", "AWS_WEB_IDENTITY_TOKEN_FILE": str(token),
            },
        )  # fmt: skip
        credentials = chain.credentials(caller.settings())
        credentials.get()
        token.write_text("second.jwt")
        caller.now_s += 61
        credentials.get()
    assert [b"WebIdentityToken=first.jwt" in server.seen[0].body, b"=second.jwt" in server.seen[1].body] == [True, True]
    assert "authorization" not in server.seen[0].headers
    token.unlink()
    with pytest.raises(AgentError, match="AWS_WEB_IDENTITY_TOKEN_FILE: cannot read .*token: No such file"):
        _credentials(caller)


def test_the_output_of_a_credential_process(tmp_path: Path) -> None:
    printed = {"Version": 1, "AccessKeyId": "AKIDPRINTED", "SecretAccessKey": "S", "SessionToken": "T"}
    program = tmp_path / "print.py"
    program.write_text(f"import os, json; print(json.dumps({{**{printed!r}, 'SessionToken': os.environ['MARK']}}))")
    caller = Caller(tmp_path, {"MARK": "from-the-environment", "PATH": "/usr/bin:/bin"})
    caller.write("config", f'[default]\ncredential_process = "{sys.executable}" {program}\n')
    credentials = _credentials(caller)
    assert credentials.access_key_id == "AKIDPRINTED"
    assert credentials.session_token.reveal() == "from-the-environment"


@pytest.mark.parametrize(
    "command, sentence",
    [
        ("exit 3", 'credential_process of the AWS profile "default" has failed with exit status 3$'),
        ("echo one >&2; echo the reason >&2; exit 4", "has failed with exit status 4: the reason$"),
        ("echo '{\"Version\": 2}'", "has printed another Version than 1"),
        ("echo SECRET-IN-NO-JSON", "is not valid JSON"),
        ('echo \'{"Version": 1, "AccessKeyId": "A"}\'', "SecretAccessKey must be a string"),
        ("yes | head -c 100000", "has printed more than 65536 bytes"),
    ],
    ids=["fails", "says why", "version", "no JSON", "half", "too long"],
)
def test_a_credential_process_that_cannot_be_used(tmp_path: Path, command: str, sentence: str) -> None:
    caller = Caller(tmp_path, {"PATH": "/usr/bin:/bin"})
    caller.write("config", f"[default]\ncredential_process = {command}\n")
    with pytest.raises(NoCredentials, match=sentence) as raised:
        _credentials(caller)
    assert "SECRET" not in str(raised.value)


SSO_SESSION = (
    "[profile work]\nsso_session=corp\nsso_account_id=123456789012\nsso_role_name=Builder\n"
    "[sso-session corp]\nsso_region=us-east-1\nsso_start_url=https://corp.awsapps.com/start\n"
)
SSO_LEGACY = (
    "[profile work]\nsso_start_url=https://corp.awsapps.com/start\nsso_region=us-east-1\n"
    "sso_account_id=123456789012\nsso_role_name=Builder\n"
)


def _write_token(caller: Caller, key: str, expires_s: float) -> None:
    name = hashlib.sha1(key.encode()).hexdigest()
    (caller.home / ".aws" / "sso" / "cache").mkdir(parents=True, exist_ok=True)
    token = {"accessToken": "sso-token", "expiresAt": timestamps.text_of(expires_s), "region": "us-east-1"}
    caller.write(f"sso/cache/{name}.json", json.dumps(token))


@pytest.mark.parametrize(
    "config, key", [(SSO_SESSION, "corp"), (SSO_LEGACY, "https://corp.awsapps.com/start")], ids=["session", "legacy"]
)
def test_the_cached_token_of_sso(tmp_path: Path, config: str, key: str) -> None:
    answer = {
        "roleCredentials": {
            "accessKeyId": "ASIASSO", "secretAccessKey": "S", "sessionToken": "T",
            "expiration": int((NOW_S + 3600) * 1000),
        }
    }  # fmt: skip
    with ScriptedServer({"GET /federation/credentials": Answer(200, answer)}) as server:
        caller = Caller(tmp_path, {"AWS_ENDPOINT_URL_SSO": server.url, "AWS_PROFILE": "work"})
        caller.write("config", config)
        _write_token(caller, key, NOW_S + 60)
        assert _key(caller) == "ASIASSO"
        (request,) = server.seen
        assert request.query == "account_id=123456789012&role_name=Builder"
        assert request.headers["x-amz-sso_bearer_token"] == "sso-token"
        caller.now_s += 61
        with pytest.raises(
            AgentError, match='login of the AWS profile "work" has expired; run `aws sso login --profile work`'
        ):
            _credentials(caller)
    with pytest.raises(
        AgentError, match="cannot read .*; run `aws sso login --profile work` as the user of this agent"
    ):
        _credentials(Caller(_home_without_token(tmp_path, config), caller.environ))


def _home_without_token(tmp_path: Path, config: str) -> Path:
    home = tmp_path / "other"
    Caller(home).write("config", config)
    return home


def test_a_login_that_was_ended_elsewhere(tmp_path: Path) -> None:
    refusal = Answer(401, {"message": "Session token not found or invalid", "__type": "UnauthorizedException"})
    with ScriptedServer({"GET /federation/credentials": refusal}) as server:
        caller = Caller(tmp_path, {"AWS_ENDPOINT_URL_SSO": server.url, "AWS_PROFILE": "work"})
        caller.write("config", SSO_SESSION)
        _write_token(caller, "corp", NOW_S + 60)
        with pytest.raises(AgentError, match="has ended the login; run `aws sso login --profile work`"):
            _credentials(caller)


@pytest.mark.parametrize("by_file", [False, True], ids=["token", "token file"])
def test_what_a_container_is_given(tmp_path: Path, by_file: bool) -> None:
    with ScriptedServer({"GET /creds": Answer(200, _document("ASIACONTAINER"))}) as server:
        caller = Caller(tmp_path, {"AWS_CONTAINER_CREDENTIALS_FULL_URI": server.url + "/creds?x=1"})
        (tmp_path / "token").write_text("token-2\n")
        if by_file:
            caller.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = str(tmp_path / "token")
        else:
            caller.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "token-1"
        assert _key(caller) == "ASIACONTAINER"
    assert server.seen[0].headers["authorization"] == ("token-2" if by_file else "token-1")
    assert server.seen[0].query == "x=1"


def test_a_container_url_that_must_not_be_told_the_token(tmp_path: Path) -> None:
    for url in ("http://192.0.2.1/creds", "http://169.254.169.254/x", "ftp://127.0.0.1/", "http:///x"):
        caller = Caller(tmp_path, {"AWS_CONTAINER_CREDENTIALS_FULL_URI": url})
        with pytest.raises(ConfigError, match="AWS_CONTAINER_CREDENTIALS_FULL_URI"):
            _credentials(caller)


def test_a_container_token_of_two_lines_is_not_sent(tmp_path: Path) -> None:
    with ScriptedServer({}) as server:
        environ = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": server.url, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "a\r\nX: y"}
        with pytest.raises(AgentError, match="AWS_CONTAINER_AUTHORIZATION_TOKEN has a line break in it"):
            _credentials(Caller(tmp_path, environ))
    assert not server.seen


def _imds(**routes: Any) -> Dict[str, Any]:
    folder = "GET /latest/meta-data/iam/security-credentials/"
    return {
        "PUT /latest/api/token": Answer(200, body=b"imds-token"),
        folder: Answer(200, body=b"builder\nother"),
        folder + "builder": Answer(200, _document("ASIAEC2", Code="Success")),
        "GET /latest/dynamic/instance-identity/document": Answer(200, {"region": "eu-north-1"}),
        **routes,
    }


def test_the_role_and_the_region_of_a_machine(tmp_path: Path) -> None:
    with ScriptedServer(_imds()) as server:
        caller = Caller(tmp_path, {"AWS_EC2_METADATA_SERVICE_ENDPOINT": server.url})
        assert _key(caller) == "ASIAEC2"
        assert region.region_of(caller.settings()) == "eu-north-1"
    assert server.seen[0].headers["x-aws-ec2-metadata-token-ttl-seconds"] == "300"
    assert [request.headers.get("x-aws-ec2-metadata-token") for request in server.seen[1:3]] == ["imds-token"] * 2
    assert server.lines.count("PUT /latest/api/token") == 2  # once for each purpose


def test_a_machine_that_speaks_version_1_alone(tmp_path: Path) -> None:
    with ScriptedServer(_imds(**{"PUT /latest/api/token": Answer(404)})) as server:
        caller = Caller(tmp_path, {"AWS_EC2_METADATA_SERVICE_ENDPOINT": server.url})
        assert _key(caller) == "ASIAEC2"
        assert "x-aws-ec2-metadata-token" not in server.seen[1].headers
        caller.environ["AWS_EC2_METADATA_V1_DISABLED"] = "true"
        with pytest.raises(AgentError, match="latest/api/token: 404"):
            _credentials(caller)


def test_a_metadata_token_that_has_ended_early_is_replaced(tmp_path: Path) -> None:
    folder = "GET /latest/meta-data/iam/security-credentials/"
    with ScriptedServer(_imds(**{folder: [Answer(401), Answer(200, body=b"builder")]})) as server:
        assert _key(Caller(tmp_path, {"AWS_EC2_METADATA_SERVICE_ENDPOINT": server.url})) == "ASIAEC2"
    assert server.lines.count("PUT /latest/api/token") == 2


def test_without_any_source_a_sentence_says_what_to_set(tmp_path: Path) -> None:
    caller = Caller(tmp_path, {"AWS_EC2_METADATA_DISABLED": "true"})
    with pytest.raises(AgentError, match="there are no AWS credentials: set AWS_ACCESS_KEY_ID and .*DISABLED forbids"):
        _credentials(caller)
    caller.environ["HTTP_PROXY"] = "http://proxy.example:3128"
    with pytest.raises(AgentError, match="through HTTP_PROXY, since NO_PROXY does not have 169.254.169.254"):
        _credentials(caller)
    with pytest.raises(ConfigError, match="no AWS region is known: set AWS_REGION"):
        region.region_of(caller.settings())


_ROLE = f"role_arn={ROLE}\n"


@pytest.mark.parametrize(
    "config, sentence",
    [
        (f"{_ROLE}source_profile=gone", 'there is no AWS profile "gone"'),
        (f"{_ROLE}source_profile=default", 'source_profile of .* "default" leads back to "default"'),
        ("source_profile=other", "has source_profile, and no role_arn"),
        (f"{_ROLE}credential_source=Moon", 'EcsContainer or Environment, not "Moon"'),
        (f"{_ROLE}credential_source=EcsContainer", "neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor"),
        (f"{_ROLE}credential_source=Environment", "are not both set"),
        (f"{_ROLE}credential_source=Environment\ncredential_process=x", "credential_source and credential_process"),
        (f"{_ROLE}credential_source=Environment\nmfa_serial=x", "a role that needs a typed code"),
        ("login_session=x", "a login by a browser"),
        ("sso_session=gone", r"there is no section \[sso-session gone\]"),
        ("sso_account_id=1", "has no sso_role_name"),
    ],
    ids=["gone", "circle", "no role", "source", "container", "environment", "two", "mfa", "login", "session", "sso"],
)  # fmt: skip
def test_profiles_that_cannot_be_used_are_named(tmp_path: Path, config: str, sentence: str) -> None:
    caller = Caller(tmp_path, {"AWS_REGION": "eu-west-1", "AWS_EC2_METADATA_DISABLED": "true"})
    caller.write("config", f"[default]\n{config}\n")
    with pytest.raises(AgentError, match=sentence):
        _credentials(caller)


def test_a_throttled_service_is_asked_again_and_a_refusal_is_shown_shortly(tmp_path: Path) -> None:
    error = "<ErrorResponse><Error><Type>Sender</Type><Code>{}</Code><Message>{}</Message></Error></ErrorResponse>"
    throttled = Answer(400, body=error.format("Throttling", "Rate exceeded").encode())
    refused = Answer(403, body=error.format("AccessDenied", "User is not authorized to assume " + "x" * 5000).encode())
    with ScriptedServer({"POST /": [throttled, _sts(), refused]}) as server:
        caller = Caller(tmp_path, {"AWS_ENDPOINT_URL_STS": server.url, "AWS_REGION": "eu-west-1"})
        caller.write("config", ROLE_BY_KEY)
        assert _key(caller) == "ASIAROLE1"
        with pytest.raises(AgentError, match="403 AccessDenied: User is not authorized to assume x+$") as raised:
            _credentials(caller)
    assert len(str(raised.value)) < 500


@pytest.mark.parametrize("skew_s", [-3600.0, 3600.0], ids=["behind", "ahead"])
def test_a_clock_that_is_off_is_corrected_once_and_said(tmp_path: Path, skew_s: float) -> None:
    def answer(request: Request) -> Answer:
        sent_s = timestamps.moment_of(
            "{0:.4}-{0[4]}{0[5]}-{0[6]}{0[7]}T{0[9]}{0[10]}:{0[11]}{0[12]}:{0[13]}{0[14]}Z".format(
                request.headers["x-amz-date"]
            )
        )
        assert sent_s is not None
        date = {"Date": "Mon, 30 Nov 2026 19:05:07 GMT"}
        if abs(sent_s - NOW_S) > 300:
            text = "<ErrorResponse><Error><Code>RequestExpired</Code><Message>late</Message></Error></ErrorResponse>"
            return Answer(400, body=text.encode(), headers=date)
        return _sts()(request)  # type: ignore[no-any-return]

    with ScriptedServer({"POST /": answer}) as server:
        caller = Caller(tmp_path, {"AWS_ENDPOINT_URL_STS": server.url, "AWS_REGION": "eu-west-1"})
        caller.now_s += skew_s
        caller.write("config", ROLE_BY_KEY)
        settings = caller.settings()
        assert chain.credentials(settings).get().access_key_id == "ASIAROLE1"
        assert chain.credentials(settings).get().access_key_id == "ASIAROLE1"
    assert len(server.seen) == 3
    (message,) = caller.messages
    assert message.startswith(
        f"warn The clock of this machine is 1h0m0s {'behind' if skew_s < 0 else 'ahead of'} that of localhost"
    )


def test_roles_of_a_real_server(tmp_path: Path) -> None:
    """moto's STS: by a key, and by a web identity."""
    with moto.start() as server:
        caller = Caller(tmp_path, moto.environ(server.url))
        caller.write("config", f"[profile ci]\nrole_arn={ROLE}\ncredential_source=Environment\n")
        assert _key(caller, "ci").startswith("ASIA")
        (tmp_path / "token").write_text("a.b.c")
        del caller.environ["AWS_ACCESS_KEY_ID"]
        caller.environ.update({"AWS_ROLE_ARN": ROLE, "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token")})
        assert _key(caller).startswith("ASIA")


@pytest.mark.parametrize("path", ["@evil.test/", "3/x", ":80@evil.test/"], ids=["user", "number", "port"])
def test_a_path_of_ecs_cannot_name_another_host(tmp_path: Path, path: str) -> None:
    environ = {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": path, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "t"}
    with pytest.raises(ConfigError, match="RELATIVE_URI must be a path that begins with /"):
        chain.credentials(Caller(tmp_path, environ).settings())
