"""Commands that this release does not support: they read their whole command line, and answer with one line."""

import pytest

LATER = {
    "cache save": ["--name", "a", "--name", "b,c", "--registry", "r", "--concurrency=3"],
    "cache restore": ["--cache-config-file", "x.yml", "--cache-store-url", "file:///x"],
    "kubernetes-bootstrap": ["--kubernetes-container-id", "1", "--kubernetes-bootstrap-connection-timeout=5m"],
}  # fmt: skip


@pytest.mark.parametrize("name", LATER)
def test_answers_one_line(outside, name):
    done = outside.run(*name.split(" "), *LATER[name], expect=1)
    assert done.stdout == b"" and done.stderr.count(b"\n") == 1
    assert b" not supported in this release; " in done.stderr
    assert not outside.server.seen


@pytest.mark.parametrize("name", LATER)
def test_a_flag_that_does_not_exist_is_still_told(outside, name):
    done = outside.run(*name.split(" "), "--no-such-flag", expect=1)
    assert b"unknown flag --no-such-flag" in done.stderr


def test_acknowledgements(outside):
    done = outside.run("acknowledgements")
    assert b"MIT" in done.stdout and done.stderr == b""
