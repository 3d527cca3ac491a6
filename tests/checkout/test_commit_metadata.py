"""What the control plane is told about the commit."""

import pytest

from bkagent.checkout import commit_metadata
from bkagent.errors import Cancelled, Refused


class Remote:
    """Stands in for the control plane's meta-data."""

    def __init__(self, known=False, problem=None):
        self.known, self.problem, self.stored = known, problem, {}

    def exists(self, key):
        assert key == "buildkite:git:commit"
        if isinstance(self.known, Exception):
            raise self.known
        return self.known

    def set(self, key, value):
        if self.problem:
            raise self.problem
        self.stored[key] = value


def send(job, log, remote, **variables):
    job.check_out(**variables)
    log.bytes = b""
    _, settings = job.session, job.start(**variables)[1]
    job.session.cwd = job.folder
    commit_metadata.send(job.session, settings, remote.exists, remote.set)
    return remote


def test_the_commit_is_described_in_the_agreed_form(job, upstream, log):
    remote = send(job, log, Remote())
    short = upstream.git("rev-parse", "--short", upstream.first)
    assert remote.stored == {
        "buildkite:git:commit": f"commit {upstream.first}\nabbrev-commit {short}\n"
        "Author: Test <test@example.com>\n\n    Commit 1"
    }
    assert log.own[1:] == ["# Sending Git commit information back to Buildkite"]


def test_known_data_is_not_sent_again(job, log):
    assert send(job, log, Remote(known=True)).stored == {}
    assert log.own[1:] == ["# Git commit information has already been sent to Buildkite"]


def test_a_resolved_commit_is_not_asked_about(job, log):
    assert send(job, log, Remote(known=Refused("x", 500)), COMMIT_RESOLVED="true").stored == {}
    assert log.own[1:] == ["# BUILDKITE_COMMIT is already resolved and meta-data populated, skipping"]


def test_a_question_that_fails_counts_as_no(job, log):
    assert send(job, log, Remote(known=Refused("x", 500))).stored


def test_a_refusal_is_only_warned_of(job, log):
    send(job, log, Remote(problem=Refused("not allowed", 403)))
    text = "sending git commit information to Buildkite: not allowed"
    assert any(f"Warning: Couldn't send commit information to Buildkite: {text}" in line for line in log.own)


def test_a_cancellation_is_passed_on(job, log):
    with pytest.raises(Cancelled):
        send(job, log, Remote(problem=Cancelled("x")))
