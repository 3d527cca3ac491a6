"""Addresses, references, versions and flags, as git and ssh write them."""

import pytest

from bkagent.git import flags, location, references, ssh_hosts, version


@pytest.mark.parametrize(
    "repository, wanted",
    [
        ("git@github.com:acme/foo.git", ("ssh", "git", "github.com", "github.com", "", "/acme/foo.git")),
        ("git@github.com:/acme/foo.git", ("ssh", "git", "github.com", "github.com", "", "/acme/foo.git")),
        ("github.com:acme/foo.git", ("ssh", "", "github.com", "github.com", "", "/acme/foo.git")),
        (
            "git@host.example:2222/acme/foo.git",
            ("ssh", "git", "host.example", "host.example", "", "/2222/acme/foo.git"),
        ),
        ("ssh://git@host:2222/~user/foo.git", ("ssh", "git", "host:2222", "host", "2222", "/~user/foo.git")),
        ("https://user:pw@github.com/foo.git", ("https", "user:pw", "github.com", "github.com", "", "/foo.git")),
        ("https://host/a%20b", ("https", "", "host", "host", "", "/a b")),
        ("file:///srv/git/foo.git", ("file", "", "", "", "", "/srv/git/foo.git")),
        ("/srv/git/with space/foo.git", ("file", "", "", "", "", "/srv/git/with space/foo.git")),
        ("relative/foo", ("file", "", "", "", "", "/relative/foo")),
        ("C:\\repos\\foo", ("file", "", "", "", "", "/C:/repos/foo")),
        ("c:foo", ("file", "", "", "", "", "/c:foo")),
        ("hh:foo", ("ssh", "", "hh", "hh", "", "/foo")),
        ("git@host:", ("file", "", "", "", "", "/git@host:")),
        ("git@host:foo bar.git#x", ("ssh", "git", "host", "host", "", "/foo bar.git")),
        ("://foo", ("file", "", "", "", "", "/://foo")),
    ],
)
def test_every_form_of_an_address_has_its_parts(repository, wanted):
    assert location.parse(repository) == wanted


@pytest.mark.parametrize(
    "repository", ["ssh://git@host:bad/foo", " git@host:foo", "git@[::1]:foo.git", "\u00fc@host:x"]
)
def test_a_broken_address_is_none(repository):
    assert location.parse(repository) is None


def test_a_mirrors_folder_is_the_address_with_dashes():
    assert location.mirror_folder("git@github.com:acme-inc/my.git") == "git-github-com-acme-inc-my-git"
    assert location.mirror_folder("\u00fcn\u00ef/x") == "-n--x"


@pytest.mark.parametrize(
    "reference",
    ["main", "feature/x", "refs/pull/1/head", "@{u}", "a@b", "a?b", "a[b", "$(x)", "a'b", "\u00e9", "/a", ""],
)
def test_a_reference_that_names_one_commit_passes(reference):
    assert references.is_well_formed(reference)


@pytest.mark.parametrize(
    "reference",
    ["@", "a.", "a..b", "--upload-pack=x", "-", "a b", "a~1", "a^", "a:b", "a\\b", "a\tb", "a\nb", "\x7f", "\0"],
)
def test_a_reference_with_other_meanings_does_not(reference):
    assert not references.is_well_formed(reference)


def test_only_a_whole_hexadecimal_id_is_one():
    assert references.is_full_object_id("a" * 40) and references.is_full_object_id("F" * 64)
    assert not any(references.is_full_object_id(text) for text in ("a" * 39, "g" * 40, "HEAD", "", "a" * 41))


@pytest.mark.parametrize(
    "printed, wanted",
    [
        ("git version 2.39.5", (2, 39)),
        ("git version 2.26.0.windows.1\n", (2, 26)),
        ("git version 2.9rc1", (2, 9)),
        ("git version 2", None),
        ("2.39.5", None),
        ("", None),
    ],
)
def test_the_version_of_git_is_read(printed, wanted):
    assert version.parse(printed) == wanted


@pytest.mark.parametrize("words", [["--filter=blob:none"], ["-v", "--filter", "x"], ["--fi=x"], ["--fix", "y"]])
def test_a_filter_is_seen_in_every_spelling(words):
    assert flags.has_filter(words)


@pytest.mark.parametrize("words", [[], ["-v"], ["--filter"], ["--f=x"], ["--fix"]])
def test_other_flags_are_no_filter(words):
    assert not flags.has_filter(words)


@pytest.mark.parametrize(
    "given, kept",
    [
        ("-v --prune", "-v --prune"),
        ("-v --depth=5 --prune", "-v --prune"),
        ("--depth 5 -v", "-v"),
        ("--dep 5 -v", "-v"),
        ("--unshallow --shallow-since 2020 --shallow-exclude=x -q", "-q"),
        ("--dry-run --prefetch --negotiate-only --deepen=1", ""),
        ("--shallow x", "--shallow x"),
        ("--depth", ""),
        ("--pru --filter=blob:none", "--pru --filter=blob:none"),
    ],
)
def test_verification_drops_flags_that_limit_a_fetch(given, kept):
    assert flags.for_verification(given.split()) == kept.split()


@pytest.mark.parametrize(
    "printed, host",
    [
        ("user git\nhostname github.com\nport 22\n", "github.com"),
        ("port 2222\nhostname h\n", "h:2222"),
        ("hostname a\nhostname b\nport 1\n", "b:1"),
        ("hostname ::1\nport 99\n", "[::1]:99"),
        ("hostname h\nport \n", "h"),
        ("port 22\n", ""),
        ("hostname \n", ""),
    ],
)
def test_ssh_names_the_host_that_it_would_use(printed, host):
    assert ssh_hosts.parse_host(printed) == host


@pytest.mark.parametrize(
    "alias, host",
    [
        ("github.com-alias", "github.com"),
        ("github.com", "github.com"),
        ("host-with-dash-", "host"),
        ("a-B", "a-B"),
        ("-x", ""),
    ],
)
def test_an_alias_loses_its_suffix(alias, host):
    assert ssh_hosts.without_alias(alias) == host


def test_keys_are_asked_for_at_the_port():
    assert ssh_hosts.scan("h") == ["ssh-keyscan", "h"]
    assert ssh_hosts.scan("h:22022") == ["ssh-keyscan", "-p", "22022", "h"]
    assert ssh_hosts.scan("[::1]:99") == ["ssh-keyscan", "-p", "99", "::1"]


@pytest.mark.parametrize(
    "words, settings",
    [
        (["-c", "core.sshCommand=x"], {("core.sshcommand", "x")}),
        (["-cA.b=c", "-v"], {("a.b", "c")}),
        (["--config", "http.https://X.test/.Proxy=a=b"], {("http.https://X.test/.proxy", "a=b")}),
        (["--conf=gc.auto=0", "--config=gc.autodetach"], {("gc.auto", "0"), ("gc.autodetach", "true")}),
        (["--no-tags", "--mirror", "-b", "c.d=e"], set()),
        (["-c"], set()),
    ],
)
def test_the_settings_that_a_clone_writes_are_read_in_every_spelling(words, settings):
    assert flags.clone_settings(words) == settings


@pytest.mark.parametrize(
    "name, is_one",
    [
        ("main", True), ("feature/it's", True), ("-x", True), ("+x", True), ("a:b", False), ("a*", False),
        ("a?", False),
        ("[a]", False), ("a b", False), ("a..b", False), ("a@{1}", False), ("a//b", False), ("a.lock", False),
        ("a.", False), ("a/", False), ("a^", False), ("a\\b", False), ("a\tb", False), ("", False),
    ],
)  # fmt: skip
def test_names_that_can_be_a_branch(name, is_one):
    assert references.is_branch_name(name) is is_one
