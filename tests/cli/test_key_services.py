"""Commands that sign by a key that a service keeps."""

import importlib
import io
import json
import types

import pytest

from bkagent.cli.command import Call
from bkagent.cli.commands import start, tool_sign
from bkagent.cli.log import Log
from bkagent.cli.signing import key_services
from bkagent.cli.start import agent_keys, agent_settings
from bkagent.config.settings import Source, resolve
from bkagent.errors import AgentError, ConfigError
from bkagent.jose import base64url, jws, key_set
from bkagent.pipeline.document.steps import read_command
from bkagent.pipeline.signature.verify import verify_step
from bkagent.yaml.load import load
from tests.jose.test_service_key import NAME, service_key

SIGNING = ["--signing-aws-kms-key", "--signing-gcp-kms-key"]


@pytest.fixture
def opened(monkeypatch):
    """Return the names of opened keys. Both services have a module, which stands for that of their cloud."""
    names = []

    def open_key(name, context):
        if name == "missing":
            raise AgentError("there is no such key")
        assert context.home == "/home/ann" and context.user_agent and context.wait(0) is False
        names.append(name)
        return service_key("ES256")

    rows = tuple(row._replace(module=f"cloud of {row.title}") for row in key_services.ALL)
    modules = {row.module: types.SimpleNamespace(open_key=open_key) for row in rows}
    monkeypatch.setattr(key_services, "ALL", rows)
    monkeypatch.setattr(importlib, "import_module", lambda name: modules[name])
    return names


def call_of(command, *words):
    """Return the call of a command line."""
    environ, out, err = {"HOME": "/home/ann"}, io.StringIO(), io.StringIO()
    flags = {word[2:]: [text] for word, text in zip(words[::2], words[1::2])}
    options = [option for option in command.options if not option.required]
    settings = resolve(options, Source(flags, environ), lambda text: None)
    return Call(command, settings, ["p.yml"], environ, out, out, err, Log(settings, err, out, {}))


@pytest.mark.parametrize("flag", SIGNING)
def test_a_pipeline_is_signed_by_a_key_service(opened, tmp_path, monkeypatch, flag):
    (tmp_path / "p.yml").write_text("steps: [{command: echo a}]")
    monkeypatch.chdir(tmp_path)
    call = call_of(tool_sign.COMMAND, flag, "a-key", "--repo", "r")
    assert tool_sign.run(call) == 0 and opened == ["a-key"]
    step = load(call.out.getvalue(), "signed")["steps"][0]
    assert step["signature"]["algorithm"] == "ES256"
    verify_step(read_command(step), {}, "r", [service_key("ES256").public])


@pytest.mark.parametrize(("version", "kid"), [("3", None), ("4", NAME)])
def test_signatures_name_the_key_as_version_4_does(opened, version, kid):
    call = call_of(tool_sign.COMMAND, SIGNING[0], "a-key", "--compat", version)
    header = jws.sign(b"text", key_services.signing_key(call)).split(".")[0]
    assert json.loads(base64url.decode(header)).get("kid") == kid


@pytest.mark.parametrize(("version", "names"), [("3", ["a-key"]), ("4", [])])
def test_an_agent_of_version_4_verifies_by_a_file_where_it_has_one(opened, tmp_path, version, names):
    (tmp_path / "keys.json").write_text(json.dumps(key_set.document([service_key("ES256").public])))
    words = (SIGNING[0], "a-key", "--verification-jwks-file", str(tmp_path / "keys.json"), "--compat", version)
    (key,) = agent_settings.verification_keys(call_of(start.COMMAND, *words))
    assert opened == names and key.fits_any_id == (version == "3") and key.key_id == NAME


@pytest.mark.parametrize("flag", SIGNING)
def test_an_agent_verifies_by_the_key_of_its_service(opened, flag):
    assert agent_keys.service_keys(call_of(start.COMMAND, flag, "a-key")) == (service_key("ES256").public,)
    assert opened == ["a-key"]
    with pytest.raises(ConfigError, match=f"{flag[2:]} .from the flag {flag}.: there is no such key"):
        agent_keys.service_keys(call_of(start.COMMAND, flag, "missing"))
