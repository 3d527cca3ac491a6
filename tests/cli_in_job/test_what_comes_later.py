"""Commands that this release does not support: they read their whole command line, and answer with one line."""

import pytest

LATER = {
    "cache save": ["--name", "a", "--name", "b,c", "--registry", "r", "--concurrency=3"],
    "cache restore": ["--cache-config-file", "x.yml", "--cache-store-url", "file:///x"],
    "lock acquire": ["key", "--lock-wait-timeout", "90s", "--sockets-path", "/s"],
    "lock do": ["key"], "lock done": ["key"], "lock get": ["key", "--lock-scope", "machine"],
    "lock release": ["key", "token"], "tool keygen": ["--alg", "EdDSA", "--key-id", "k"],
    "tool sign": ["pipeline.yml", "--jwks-file", "k.json", "--repo", "r"],
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


@pytest.mark.parametrize("words", [["acquire"], ["release", "key"], ["get", "a", "b"], ["do"], ["done", "a", "b"]])
def test_locks_with_a_wrong_number_of_arguments_show_their_page(outside, words):
    done = outside.run("lock", *words, expect=1)
    assert f"bkagent lock {words[0]} [options] KEY".encode() in done.stderr and done.stdout == b""


@pytest.mark.parametrize(
    "words, says",
    [
        (
            ["lock", "acquire", "key", "--lock-scope", "galaxy"],
            b'lock-scope must be machine, not "galaxy" (flag --lock-scope)',
        ),
        (["lock", "acquire", "key", "--lock-wait-timeout", "5"], b"lock-wait-timeout must be a duration"),
        (["tool", "keygen", "--alg", "HS256"], b'alg must be PS512, ES512 or EdDSA, not "HS256" (flag --alg)'),
    ],
)
def test_values_are_checked_all_the_same(outside, words, says):
    assert says in outside.run(*words, expect=1).stderr


def test_acknowledgements(outside):
    done = outside.run("acknowledgements")
    assert b"MIT" in done.stdout and done.stderr == b""
