"""What a failure of git is, told by its exit code and its output in pieces of any size."""

import random

import pytest

from bkagent.git import outcome
from bkagent.git.outcome import GitFailed, Judge, Kind


def kind(judge, output, code, piece=1):
    watch = judge.watch()
    for at in range(0, len(output), piece):
        watch.feed(output[at : at + piece])
    return judge.kind(code, watch.seen)


@pytest.mark.parametrize("piece", [1, 7, 10_000])
@pytest.mark.parametrize(
    "judge, output, code, wanted",
    [
        (outcome.FETCH, b"fatal: couldn't find remote ref x\r\n", 128, Kind.BAD_REFERENCE),
        (outcome.FETCH, b"fatal: Couldn't find remote ref x\r\n", 1, Kind.BAD_REFERENCE),
        (outcome.FETCH, b"fatal: remote error: upload-pack: not our ref 12\n", 128, Kind.NOT_ON_REMOTE),
        (outcome.FETCH, b"Server does not allow request for unadvertised object 1", 128, Kind.NOT_ON_REMOTE),
        (outcome.FETCH, b"fatal: bad object 1", 128, Kind.BAD_OBJECT),
        (outcome.FETCH, b"fatal: something else", 128, Kind.FETCH_RETRY_CLEAN),
        (outcome.FETCH, b"", 1, Kind.FETCH),
        (outcome.CLONE, b"error: Operation too slow. Less", 128, Kind.CLONE_TIMEOUT),
        (outcome.CLONE, b"fatal", 128, Kind.CLONE),
        (outcome.CHECKOUT, b"fatal: reference is not a tree: x", 128, Kind.NOT_A_TREE),
        (outcome.CHECKOUT, b"", 128, Kind.CHECKOUT_RETRY_CLEAN),
        (outcome.CHECKOUT, b"error: pathspec", 1, Kind.CHECKOUT),
        (outcome.CLEAN, b"anything", 128, Kind.CLEAN),
    ],
)
def test_texts_count_before_codes(judge, output, code, wanted, piece):
    assert kind(judge, b"noise\n" + output + b"\nmore noise", code, piece) is wanted


ID = b"3dfc2fe7892b9320026c80b5c403c2fe757ce07a"
OWN_FAULTS = {
    Kind.LOCKED: [
        b"fatal: Unable to create '/c/.git/index.lock': File exists.",
        b"error: cannot lock ref 'refs/heads/a': Unable to create '/m/refs/heads/a.lock': File exists.",
        b"error: could not lock config file .git/config: File exists",
    ],
    Kind.IN_THE_WAY: [
        b"error: cannot lock ref 'refs/heads/a/b': 'refs/heads/a' exists; cannot create 'refs/heads/a/b'",
        b"error: there are still refs under 'refs/remotes/origin/a'",
        b" 'git remote prune origin' to remove any old, conflicting branches",
        b"error: cannot lock ref 'x': there is a non-empty directory '.git/refs/x' blocking reference 'x'",
        b"error: fetching ref refs/remotes/origin/a/b failed: refname conflict",
    ],
    Kind.DAMAGED: [
        b"fatal: loose object %s (stored in .git/objects/3d/fc) is corrupt" % ID,
        b"error: object file .git/objects/3d/fc is empty",
        b"fatal: unable to read tree (%s)" % ID,
        b"fatal: unable to read tree %s" % ID,
        b"error: unable to read sha1 file of README.md (%s)" % ID,
        b"error: unable to unpack %s header" % ID,
        b"error: unable to find %s" % ID,
        b"error: Could not read %s" % ID,
        b"error: could not parse commit %s" % ID,
        b"fatal: Failed to traverse parents of commit %s" % ID,
        b"error: file p.pack is far too short to be a packfile",
        b"error: packfile p.pack does not match index",
        b"error: index file p.idx is too small",
        b"error: non-monotonic index p.idx",
        b"error: bad signature 0x00000000",
        b"fatal: .git/index: index file smaller than expected",
        b"fatal: unterminated line in .git/packed-refs: 1212",
        b"error: cannot lock ref 'r': unable to resolve reference 'r': reference broken",
        b"error: object directory /m/objects does not exist; check .git/objects/info/alternates",
        b"fatal: reference repository '/m' is not a local repository.",
        b"fatal: bad shallow line: 1212",
        b"fatal: not a git repository: '/m'",
        b"Receiving objects:  50% (1/2)\rfatal: bad object HEAD",
    ],
    Kind.FETCH_RETRY_CLEAN: [
        b"remote: fatal: bad tree object " + ID,
        b"remote: error: object file ./objects/3d/fc is empty",
        b"fatal: remote error: bad object " + ID,
        b"fatal: unable to access 'https://h/': Could not resolve host: h",
        b"fatal: could not read Username for 'https://h': terminal prompts disabled",
        b"error: unable to read askpass response from 'x'",
        b"fatal: '/r' does not appear to be a git repository",
        b"fatal: Could not read from remote repository.",
        b"fatal: early EOF",
        b"fatal: detected dubious ownership in repository at '/r'",
        b"fatal: Unable to create '/m/x.lock': Permission denied",
    ],
}


@pytest.mark.parametrize("wanted", OWN_FAULTS, ids=lambda kind: kind.name)
def test_faults_of_the_repository_at_hand_are_told_by_lines_that_no_remote_sent(wanted):
    judge = Judge(Kind.FETCH_RETRY_CLEAN)
    for line in OWN_FAULTS[wanted]:
        for output in (line, line + b"\n", b"From /r\r\n" + line + b"\r\nmore\r\n"):
            for piece in (1, 10_000):
                assert kind(judge, output, 128, piece) is wanted, output


NOT_OWN = [
    b"fatal: invalid refspec 'x index file corrupt'",
    b"fatal: couldn't find remote ref index file corrupt",
    b" * [new branch]      objects/info/alternates -> origin/objects/info/alternates",
    b"remote: fatal: index file corrupt",
    b"remote: " + b"x" * 20_000 + b"fatal: index file corrupt",
]


@pytest.mark.parametrize("piece", [7, 100_000])
@pytest.mark.parametrize("line", NOT_OWN, ids=range(len(NOT_OWN)))
def test_what_others_may_have_chosen_is_no_fault_of_the_repository(line, piece):
    for output in (line, line + b"\n", line + b"\r\nmore\n"):
        assert kind(Judge(Kind.OTHER), output, 128, piece) is Kind.OTHER


@pytest.mark.parametrize("seed", range(20))
def test_a_text_is_seen_wherever_the_output_is_cut(seed):
    chance = random.Random(seed)
    text = b"needle-%d" % seed
    judge = Judge(Kind.OTHER, [(text, Kind.LFS)])
    output = bytes(chance.choices(b"nedl-0123456789\n", k=500))
    expected = Kind.LFS if text in output else Kind.OTHER
    assert kind(judge, output, 1, chance.randint(1, 9)) is expected
    assert kind(judge, output[:250] + text + output[250:], 1, chance.randint(1, 9)) is Kind.LFS


def test_a_failure_keeps_what_it_is_while_its_text_grows():
    failure = GitFailed("exit status 128", 128, Kind.CLONE, signal="").within("cloning git repository").after_retries()
    assert str(failure) == "cloning git repository: exit status 128"
    assert (failure.kind, failure.exit_code, failure.was_retried) == (Kind.CLONE, 128, True)


@pytest.mark.parametrize("before_bytes", [0, 1 << 16, (1 << 16) - 9, 200_000])
def test_a_fault_is_seen_however_much_was_printed_before_and_after(before_bytes):
    judge = Judge(Kind.OTHER, [(b"needle", Kind.LFS)])
    line = b"Removing a/file".ljust(256, b"\n")  # most lines are empty, which are read at once
    noise = (line * (before_bytes // len(line) + 1))[-before_bytes:] if before_bytes else b""
    for told, wanted in ((b"fatal: bad object 1\n", Kind.DAMAGED), (b"a needle\n", Kind.LFS), (b"\n", Kind.OTHER)):
        for piece in (1000, 4096, 1 << 20):
            assert kind(judge, noise + told, 128, piece) is wanted
            assert kind(judge, noise + told + b"x" + b"\n" * 120_000, 128, piece) is wanted
