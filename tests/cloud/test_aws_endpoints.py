"""Where requests to AWS go: by region and partition, by settings, and by the name of a bucket."""

from __future__ import annotations

from pathlib import Path
from typing import Dict

import pytest

from bkagent.artifacts.stores.amazon_s3 import settings as s3_settings
from bkagent.artifacts.stores.amazon_s3.bucket import S3Bucket, path_of
from bkagent.cloud.aws import endpoints
from bkagent.cloud.aws.client import AwsRequest
from bkagent.errors import ConfigError
from tests.cloud.aws_fakes import Caller

CONFIG = """[default]
endpoint_url = http://all.example
services = mine
[services mine]
kms =
  endpoint_url = http://kms.example/base/
"""


@pytest.mark.parametrize(
    "service, region, environ, url",
    [
        (endpoints.STS, "eu-west-1", {}, "https://sts.eu-west-1.amazonaws.com"),
        (endpoints.KMS, "cn-north-1", {}, "https://kms.cn-north-1.amazonaws.com.cn"),
        (endpoints.KMS, "us-gov-west-1", {}, "https://kms.us-gov-west-1.amazonaws.com"),
        (endpoints.KMS, "eusc-de-east-1", {}, "https://kms.eusc-de-east-1.amazonaws.eu"),
        (endpoints.SSO, "us-east-1", {}, "https://portal.sso.us-east-1.amazonaws.com"),
        (endpoints.KMS, "us-east-1", {"AWS_USE_FIPS_ENDPOINT": "true"}, "https://kms-fips.us-east-1.amazonaws.com"),
        (endpoints.STS, "us-east-1", {"AWS_USE_DUALSTACK_ENDPOINT": "true"}, "https://sts.us-east-1.api.aws"),
        (endpoints.STS, "us-east-1", {"AWS_ENDPOINT_URL": "http://x:1/"}, "http://x:1"),
        (endpoints.STS, "us-east-1", {"AWS_ENDPOINT_URL": "http://x", "AWS_ENDPOINT_URL_STS": "http://y"}, "http://y"),
        (
            endpoints.STS, "us-east-1", {"AWS_ENDPOINT_URL": "http://x", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
            "https://sts.us-east-1.amazonaws.com",
        ),
    ],
    ids=["usual", "China", "government", "Europe", "login", "FIPS", "dual", "all", "one", "ignored"],
)  # fmt: skip
def test_services(tmp_path: Path, service: endpoints.Service, region: str, environ: Dict[str, str], url: str) -> None:
    assert endpoints.endpoint_for(service, region, Caller(tmp_path, environ).settings()).url == url


def test_endpoints_of_a_profile(tmp_path: Path) -> None:
    """Variables go before it; in it, what is said of one service goes before what is said of all."""
    caller = Caller(tmp_path)
    caller.write("config", CONFIG)
    settings = caller.settings()
    assert endpoints.endpoint_for(endpoints.KMS, "eu-west-1", settings).url == "http://kms.example/base"
    assert endpoints.endpoint_for(endpoints.STS, "eu-west-1", settings).url == "http://all.example"
    caller.environ["AWS_ENDPOINT_URL"] = "http://variable.example"
    assert endpoints.endpoint_for(endpoints.KMS, "eu-west-1", caller.settings()).url == "http://variable.example"
    for text in ("ftp://x", "x", "http://x/?y=z"):
        caller.environ["AWS_ENDPOINT_URL"] = text
        with pytest.raises(ConfigError, match="AWS_ENDPOINT_URL must be a"):
            endpoints.endpoint_for(endpoints.KMS, "eu-west-1", caller.settings())


@pytest.mark.parametrize(
    "bucket, environ, url",
    [
        ("b-1", {}, "https://b-1.s3.eu-west-1.amazonaws.com/a%20k"),
        ("b.1", {}, "https://s3.eu-west-1.amazonaws.com/b.1/a%20k"),
        ("Old_Name", {}, "https://s3.eu-west-1.amazonaws.com/Old_Name/a%20k"),
        ("b-1", {"AWS_USE_DUALSTACK_ENDPOINT": "true"}, "https://b-1.s3.dualstack.eu-west-1.amazonaws.com/a%20k"),
        ("b-1", {"BUILDKITE_S3_ENDPOINT": "minio.example:9000"}, "https://minio.example:9000/b-1/a%20k"),
        ("b-1", {"BUILDKITE_S3_ENDPOINT": "http://h/base/"}, "http://h/base/b-1/a%20k"),
        ("b-1", {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "http://127.0.0.1:9/b-1/a%20k"),
        ("b-1", {"AWS_ENDPOINT_URL_S3": "http://h:9"}, "http://b-1.h:9/a%20k"),
        ("b-1", {"BUILDKITE_S3_DEFAULT_REGION": "cn-north-1"}, "https://b-1.s3.cn-north-1.amazonaws.com.cn/a%20k"),
    ],
    ids=["usual", "dots", "capitals", "dual", "bare host", "base", "address", "host", "China"],
)
def test_buckets(tmp_path: Path, bucket: str, environ: Dict[str, str], url: str) -> None:
    """As hosts where their names allow it, else in the path; source: the rules of the reference's SDK."""
    keys = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "s"}
    caller = Caller(tmp_path, {**keys, **environ})
    s3 = S3Bucket(bucket, s3_settings.read(caller.environ), caller.settings().context)
    assert s3.presigned_url(AwsRequest("GET", path_of("a k")), 60).partition("?")[0] == url
