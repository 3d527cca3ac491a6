"""What is read of a repository's configuration without git is what git reads, and the rest is left to git."""

import os
import subprocess

import pytest

from bkagent.git import plain_config

URL = "https://example.com/a b.git"
CORE = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n"
ORIGIN = f'[remote "origin"]\n\turl = {URL}\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n'
BRANCH = '[branch "main"]\n\tremote = origin\n\tmerge = refs/heads/main\n'
SHA256 = CORE.replace("= 0", "= 1") + "[extensions]\n\tobjectFormat = sha256\n"

PLAIN = {
    "a fresh clone": CORE + ORIGIN + BRANCH,
    "no origin": CORE + BRANCH,
    "two addresses": CORE + ORIGIN + f"\turl = {URL}2\n",
    "two sections": CORE + ORIGIN + BRANCH + '[remote "origin"]\n\turl = other\n',
    "another remote": CORE + '[remote "Origin"]\n\turl = other\n' + ORIGIN,
    "a key in capitals": CORE + '[remote "origin"]\n\tURL = other\n',
    "ids of SHA-256": SHA256 + ORIGIN,
    "an address beyond ASCII": CORE + '[remote "origin"]\n\turl = /é\x85\u2028/r\n',
}
LEFT_TO_GIT = {
    "nothing": "",
    "zeros": "\0" * 100,
    "a cut line": (CORE + ORIGIN)[:-9],
    "a cut section": CORE + ORIGIN + "[bran",
    "an included file": CORE + ORIGIN + "[include]\n\tpath = more\n",
    "a file included under a condition": CORE + ORIGIN + '[includeIf "gitdir:/"]\n\tpath = more\n',
    "a file for each working tree": CORE + ORIGIN + "[extensions]\n\tworktreeConfig = true\n",
    "a comment": CORE + ORIGIN + "# note\n",
    "a value with a comment": CORE + '[remote "origin"]\n\turl = other # note\n',
    "a quoted value": CORE + '[remote "origin"]\n\turl = "other"\n',
    "an escape": CORE + '[remote "origin"]\n\turl = oth\\ner\n',
    "a line that goes on": CORE + '[remote "origin"]\n\turl = oth\\\ner\n',
    "a tab in a value": CORE + '[remote "origin"]\n\turl = oth\ter\n',
    "blanks around a value": CORE + '[remote "origin"]\n\turl =  other \n',
    "other blanks": CORE + '[remote "origin"]\n  url=other\n',
    "a setting beside its section": CORE + '[remote "origin"] url = other\n',
    "a section in the old form": CORE + "[remote.origin]\n\turl = other\n",
    "an escaped section": CORE + '[remote "ori\\gin"]\n\turl = other\n',
    "a key without a value": CORE + '[remote "origin"]\n\turl\n',
    "an empty value": CORE + '[remote "origin"]\n\turl = \n',
    "lines that end in CRLF": (CORE + ORIGIN).replace("\n", "\r\n"),
    "a byte order mark": "\ufeff" + CORE + ORIGIN,
}


@pytest.fixture
def repository(tmp_path):
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", "init", "-q", str(tmp_path)], env=env, check=True)

    class Configured:
        git_dir = str(tmp_path / ".git")

        def set(self, text):
            (tmp_path / ".git" / "config").write_bytes(text.encode())

        def git(self, *words):
            ran = subprocess.run(["git", *words], cwd=str(tmp_path), env=env, stdout=subprocess.PIPE)
            return os.fsdecode(ran.stdout)

    return Configured()


@pytest.mark.parametrize("text", PLAIN.values(), ids=PLAIN)
def test_what_is_read_is_what_git_reads(repository, text):
    repository.set(text)
    config = plain_config.read(repository.git_dir, {})
    assert config is not None
    assert config.origin_urls == repository.git("config", "--get-all", "remote.origin.url").split("\n")[:-1]
    assert config.has_sha1_ids is (repository.git("rev-parse", "--show-object-format") == "sha1\n")


@pytest.mark.parametrize("text", LEFT_TO_GIT.values(), ids=LEFT_TO_GIT)
def test_what_is_written_otherwise_is_left_to_git(repository, text):
    repository.set(text)
    assert plain_config.read(repository.git_dir, {}) is None


def test_a_repository_that_git_looks_for_elsewhere_is_left_to_git(repository):
    repository.set(PLAIN["a fresh clone"])
    assert plain_config.read(repository.git_dir, {}) is not None
    for name in ("GIT_DIR", "GIT_COMMON_DIR"):
        assert plain_config.read(repository.git_dir, {name: "/elsewhere"}) is None
    assert plain_config.read(os.path.join(repository.git_dir, "missing"), {}) is None
    with open(os.path.join(repository.git_dir, "commondir"), "w") as file:
        file.write("/elsewhere")
    assert plain_config.read(repository.git_dir, {}) is None


def test_only_ids_of_the_length_of_the_format_are_ids(repository):
    for text, lengths in ((PLAIN["a fresh clone"], [40]), (PLAIN["ids of SHA-256"], [])):
        repository.set(text)
        config = plain_config.read(repository.git_dir, {})
        assert config is not None
        assert [length for length in (39, 40, 64) if config.has_id("a" * length)] == lengths


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_file_that_would_hold_up_its_reader_is_left_to_git(repository):
    path = os.path.join(repository.git_dir, "config")
    os.unlink(path)
    os.mkfifo(path)
    assert plain_config.read(repository.git_dir, {}) is None
    os.unlink(path)
    os.symlink("/dev/zero", path)
    assert plain_config.read(repository.git_dir, {}) is None
    os.unlink(path)
    repository.set(CORE + BRANCH + 20_000 * ORIGIN)
    assert plain_config.read(repository.git_dir, {}) is None
