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
