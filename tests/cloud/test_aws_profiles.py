"""AWS's shared files: what they may look like, which wins, and that no text of one ends in anything but a sentence."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from bkagent.cloud.aws import profile_file, profiles, region
from bkagent.errors import ConfigError
from tests.cloud.aws_fakes import Caller

CONFIG = """
# a comment
[default]
region = eu-west-1
output=json
[ profile  ci ] ; another comment
Region: eu-central-1 # of the build machines
role_arn = "arn:aws:iam::123456789012:role/ci"
s3 =
  endpoint_url = http://localhost:9000
  max_concurrent_requests = 20
[profile "two words"]
region = us-east-2
[ci]
region = sa-east-1
[sso-session work]
sso_region = us-east-1
[services mine]
kms =
    endpoint_url = http://localhost:4599
"""


def test_sections_settings_and_settings_inside_them() -> None:
    sections = profile_file.parse(CONFIG)
    assert sections["default"] == {"region": "eu-west-1", "output": "json"}
    assert sections["profile ci"] == {
        "region": "eu-central-1",
        "role_arn": "arn:aws:iam::123456789012:role/ci",
        "s3": {"endpoint_url": "http://localhost:9000", "max_concurrent_requests": "20"},
    }
    assert sections["profile two words"] == {"region": "us-east-2"}
    assert sections["services mine"] == {"kms": {"endpoint_url": "http://localhost:4599"}}


def test_the_credentials_file_wins_and_only_marked_profiles_of_the_config_file_count(tmp_path: Path) -> None:
    caller = Caller(tmp_path)
    caller.write("config", CONFIG)
    caller.write("credentials", "[ci]\naws_access_key_id=AKID\naws_secret_access_key=SECRET\nregion=us-west-1\n")
    profile = caller.settings("ci").profile
    assert profile.text("aws_access_key_id") == "AKID"
    assert profile.text("role_arn") == "arn:aws:iam::123456789012:role/ci"
    assert region.configured(caller.settings("ci")) == "us-west-1"
    assert "SECRET" not in repr(profile)


def test_variables_name_the_files_and_the_profile(tmp_path: Path) -> None:
    caller = Caller(tmp_path, {"AWS_CONFIG_FILE": str(tmp_path / "elsewhere"), "AWS_PROFILE": "ci"})
    (tmp_path / "elsewhere").write_text(CONFIG)
    assert region.configured(caller.settings()) == "eu-central-1"
    assert region.configured(caller.settings("two words")) == "us-east-2"
    caller.environ["AWS_DEFAULT_REGION"] = "ap-south-1"
    assert region.configured(caller.settings()) == "ap-south-1"
    caller.environ["AWS_REGION"] = "ap-south-2"
    assert region.configured(caller.settings()) == "ap-south-2"


@pytest.mark.parametrize(
    "config, environ, sentence",
    [
        ("", {"AWS_PROFILE": "ci"}, r'there is no AWS profile "ci" in .*config or .*credentials'),
        ("[default]\naws_access_key_id=x", {}, 'the AWS profile "default" has only one of aws_access_key_id and'),
        ("x" * 1024 * 1025, {}, "config has more than 1048576 bytes"),
    ],
    ids=["no such profile", "half a key", "too long"],
)
def test_what_is_wrong_is_said(tmp_path: Path, config: str, environ: "dict[str, str]", sentence: str) -> None:
    caller = Caller(tmp_path, environ)
    caller.write("config", config)
    with pytest.raises(ConfigError, match=sentence):
        caller.settings()


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_bytes(b"[default]\nregion = \xff\xfe")
    with pytest.raises(ConfigError, match="config is no file of AWS profiles"):
        Caller(tmp_path).settings()


def test_a_region_that_could_lead_elsewhere_is_refused(tmp_path: Path) -> None:
    for text in ("evil.example/", "eu-west-1.evil.example", "eu west 1", "x@y", "EU-WEST-1", "-"):
        caller = Caller(tmp_path, {"AWS_REGION": text})
        with pytest.raises(ConfigError, match="is no AWS region .AWS_REGION."):
            region.configured(caller.settings())


def test_any_text_is_read_without_a_failure() -> None:
    chance = random.Random(7)
    pieces = [
        "[",
        "]",
        "profile ",
        "x",
        "=",
        ":",
        " ",
        "\t",
        "\n",
        "\r\n",
        "#",
        ";",
        "'",
        '"',
        "ä",
        "\0",
        "sso-session ",
    ]
    for _ in range(3000):
        text = "".join(chance.choice(pieces) for _ in range(chance.randint(0, 60)))
        sections = profile_file.parse(text)
        assert all(isinstance(setting, (str, dict)) for section in sections.values() for setting in section.values())
        profiles.Profiles(sections, ("a file",)).has("x")
