"""Meta-data, annotations, artifacts, answers to blocks, events: what jobs and people leave with a build."""

from __future__ import annotations

import hashlib
import io
import os
import threading

import pytest

from bkagent.controlplane import events
from bkagent.controlplane.attachments import ArtifactSpec
from bkagent.controlplane.errors import InvalidRequest, NotFound, Rejected
from bkagent.controlplane.records import Event, new_id
from bkagent.controlplane.scheduling import limits
from tests.fakes.pings import next_action

HOSTILE = ["../../etc/passwd", "/etc/passwd", "..\\..\\x", "C:\\x", "a/\x00b", "-rf", "é/<script>", "a\nb", "~", "."]


def running(world, **more):
    world.build([dict({"command": "a", "key": "a"}, **more)])
    return world.start("a").id


# Meta-data


DESCRIBED = "commit {hash}\nabbrev-commit {hash:.7}\nAuthor: A <a@b>\n\n    a change\n"


def test_the_first_checkout_says_which_commit_a_build_is_of(world):
    world.build([{"command": "a", "key": "a"}, {"command": "b", "key": "b", "depends_on": "a"}], commit="HEAD")
    job = world.start("a")
    assert world.plane.job_envs.of_job(job.id)["BUILDKITE_COMMIT"] == "HEAD"
    for unfit in ("commit HEAD\n", "f" * 39, "commit " + "f" * 41, "tree " + "a" * 40, ""):
        world.plane.meta_data.put(world.build_id, {"buildkite:git:commit": unfit})
        assert world.plane.builds.get(world.build_id).commit == "HEAD"
    world.plane.meta_data.put(world.build_id, {"buildkite:git:commit": DESCRIBED.format(hash="a" * 40)})
    assert world.plane.builds.get(world.build_id).commit == "a" * 40
    world.finish("a")
    later = world.plane.job_envs.of_job(world.start("b").id)
    assert (later["BUILDKITE_COMMIT"], later["BUILDKITE_COMMIT_RESOLVED"]) == ("a" * 40, "true")
    world.plane.meta_data.put(world.build_id, {"buildkite:git:commit": DESCRIBED.format(hash="b" * 40)})
    assert world.plane.builds.get(world.build_id).commit == "a" * 40


def test_meta_data_last_write_wins(world):
    running(world)
    world.plane.meta_data.put(world.build_id, {"a": "1", "buildkite:x": "y"})
    world.plane.meta_data.put(world.build_id, {"a": "2\n"})
    assert world.plane.meta_data.get(world.build_id, "a") == "2\n"
    assert world.plane.meta_data.get(world.build_id, "none") is None
    assert world.plane.builds.get(world.build_id).meta_data == {"a": "2\n", "buildkite:x": "y"}


@pytest.mark.parametrize(
    "items",
    [{"": "x"}, {" ": "x"}, {"k" * 600: "x"}, {"k": "x" * (limits.META_DATA_VALUE_BYTES + 1)}, {"k": 1}, {1: "x"}],
)
def test_meta_data_that_is_none_is_refused(world, items):
    running(world)
    with pytest.raises(Rejected):
        world.plane.meta_data.put(world.build_id, {"before": "x", **items})
    assert world.plane.meta_data.of_build(world.build_id) == {}


# Annotations


def test_annotations_replace_append_and_keep_their_order(world):
    job = running(world)
    say = world.plane.annotations.annotate
    say(world.build_id, job_id=job, body="one", style="info")
    say(world.build_id, job_id=job, body=" two", append=True)
    say(world.build_id, job_id=job, body="high", context="high", priority=10)
    say(world.build_id, job_id=job, body="low", context="low", priority=1)
    say(world.build_id, job_id=job, style="error")
    say(world.build_id, job_id=job, body="mine", scope="job")
    annotations = world.plane.annotations.find(world.build_id)
    assert [(note.context, note.body, note.style) for note in annotations] == [
        ("high", "high", ""), ("default", "one two", "error"), ("low", "low", "")]  # fmt: skip
    assert [note.body for note in world.plane.annotations.find(world.build_id, job_id=job)] == ["mine"]
    assert len(world.plane.annotations.find(world.build_id, scope="all")) == 4
    world.plane.annotations.remove(world.build_id, "high")
    with pytest.raises(NotFound):
        world.plane.annotations.remove(world.build_id, "high")


@pytest.mark.parametrize(
    "details",
    [
        {"body": ""},
        {"body": "x", "style": "loud"},
        {"body": "x", "priority": 11},
        {"body": "x", "context": "c" * 101},
        {"body": "x", "scope": "world"},
        {"body": "x", "scope": "job"},
        {"body": "x" * (limits.ANNOTATION_BYTES + 1)},
    ],
)
def test_an_annotation_that_cannot_be_is_refused(world, details):
    running(world)
    with pytest.raises(Rejected):
        world.plane.annotations.annotate(world.build_id, **details)


def test_appending_is_bounded_too(world):
    running(world)
    world.plane.annotations.annotate(world.build_id, body="x" * limits.ANNOTATION_BYTES)
    with pytest.raises(Rejected):
        world.plane.annotations.annotate(world.build_id, body="y", append=True)


# Artifacts


def put(world, job, path, data=b"data", batch=None):
    spec = ArtifactSpec(path, file_size=len(data), sha256sum=hashlib.sha256(data).hexdigest())
    (artifact,) = world.plane.artifacts.create(job, batch or new_id(), [spec])
    world.plane.artifacts.store(artifact.id, io.BytesIO(data).read)
    world.plane.artifacts.update(job, {artifact.id: "finished"})
    return artifact.id


@pytest.mark.parametrize("path", HOSTILE)
def test_names_that_jobs_give_are_never_places(world, path):
    job = running(world)
    id = put(world, job, path, b"secret")
    kept = world.plane.artifacts.path(id)
    assert os.path.dirname(kept) == os.path.join(world.folder, "artifacts") and os.path.basename(kept) == id
    with open(kept, "rb") as file:
        assert file.read() == b"secret"
    assert [artifact.path for artifact in world.plane.artifacts.search(world.build_id)] == [path]
    world.plane.artifacts.delete(id)
    assert not os.path.exists(kept) and world.plane.artifacts.get(id).state == "deleted"


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_everywhere_stay_texts(world, name):
    world.build(
        [{"command": name, "label": name, "env": {name: name}}],
        branch=name, commit=name, message=name, env={name: name}, repository=name, meta_data={name: name},
    )  # fmt: skip
    agent = world.agent(f"queue={name}", f"{name}={name}", "queue=default")
    accepted = world.plane.dispatch.accept(agent, next_action(world.plane, agent).job_id)
    world.plane.runs.start(accepted.id)
    world.plane.logs.append(accepted.id, 1, 0, 1, b"x")
    world.plane.annotations.annotate(world.build_id, body=name, context=name, job_id=accepted.id)
    assert accepted.env["BUILDKITE_BRANCH"] == name
    assert os.listdir(os.path.join(world.folder, "logs")) == [f"{accepted.id}.log"]
    assert sorted(os.listdir(world.folder)) == sorted(
        {"artifacts", "lock", "logs", "store.db", "tokens"} | {name for name in os.listdir(world.folder) if "-" in name}
    )


def test_a_repeated_batch_makes_no_second_artifacts(world):
    job = running(world)
    specs = [ArtifactSpec("a", file_size=1), ArtifactSpec("b", file_size=1)]
    first = world.plane.artifacts.create(job, "batch", specs)
    assert world.plane.artifacts.create(job, "batch", specs) == first
    assert [artifact.path for artifact in world.plane.artifacts.find(world.build_id)] == ["a", "b"]


@pytest.mark.parametrize("data", [b"", b"shor", b"longer than", b"other"])
def test_bytes_that_were_not_announced_are_refused(world, data):
    job = running(world)
    spec = ArtifactSpec("a", file_size=5, sha1sum=hashlib.sha1(b"right").hexdigest())
    (artifact,) = world.plane.artifacts.create(job, "batch", [spec])
    with pytest.raises(InvalidRequest):
        world.plane.artifacts.store(artifact.id, io.BytesIO(data).read)
    assert os.listdir(os.path.join(world.folder, "artifacts")) == []
    with pytest.raises(Rejected, match="have not come"):
        world.plane.artifacts.update(job, {artifact.id: "finished"})
    world.plane.artifacts.store(artifact.id, io.BytesIO(b"right").read)
    world.plane.artifacts.update(job, {artifact.id: "finished"})
    with pytest.raises(Rejected, match="no more bytes"):
        world.plane.artifacts.store(artifact.id, io.BytesIO(b"right").read)


@pytest.mark.parametrize(
    "spec",
    [
        ArtifactSpec(""),
        ArtifactSpec("x" * 5000),
        ArtifactSpec("x", file_size=-1),
        ArtifactSpec("x", file_size=1 << 50),
        ArtifactSpec("x", sha1sum="no"),
        ArtifactSpec("x", sha256sum="0" * 63),
    ],
)
def test_an_artifact_that_cannot_be_is_refused(world, spec):
    job = running(world)
    with pytest.raises(Rejected):
        world.plane.artifacts.create(job, "batch", [ArtifactSpec("good"), spec])
    assert world.plane.artifacts.find(world.build_id) == []


def test_artifacts_of_other_jobs_are_not_updated(world):
    world.build([{"command": "a", "key": "a"}, {"command": "b", "key": "b"}])
    one, other = world.start("a").id, world.start("b").id
    (artifact,) = world.plane.artifacts.create(one, "batch", [ArtifactSpec("x")])
    with pytest.raises(NotFound):
        world.plane.artifacts.update(other, {artifact.id: "error"})


def test_searching_artifacts(world):
    world.build([{"command": "a", "key": "a", "retry": {"automatic": {"limit": 1}}}, {"command": "b", "key": "b"}])
    old = world.start("a").id
    put(world, old, "log/x.txt")
    world.finish("a", 1)
    job = world.start("a").id
    put(world, job, "log/x.txt")
    put(world, job, "log/deep/y.txt")
    newest = put(world, job, "log/x.txt")
    other = world.start("b").id
    put(world, other, "win\\z.txt")
    search = world.plane.artifacts.search

    def paths(query, **more):
        return sorted(artifact.path for artifact in search(world.build_id, query=query, **more))

    assert paths("log/*") == ["log/deep/y.txt", "log/x.txt"]
    assert [artifact.id for artifact in search(world.build_id, query="log/x.txt")] == [newest]
    assert len(paths("*", include_duplicates=True)) == 4
    assert len(paths("*", include_duplicates=True, include_retried_jobs=True)) == 5
    assert paths("*", scope="b") == paths("*", scope=other) == paths("win/*") == ["win\\z.txt"]
    assert paths("lo?/x.txt") == paths("*", scope="none") == paths("*", state="error") == []
    put(world, other, "log/x.txt")
    with pytest.raises(InvalidRequest, match="Multiple artifacts were found for query: `log/x.txt`"):
        paths("log/x.txt")
    assert paths("log/x.txt", scope="a") == ["log/x.txt"]


# Answers


FIELDS = [
    {"text": "Name", "key": "name", "default": "Ada"},
    {"text": "Why", "key": "why"},
    {"select": "Where", "key": "where", "multiple": True, "required": False,
     "options": [{"label": "A", "value": "a"}, {"label": "B", "value": "b"}]},
]  # fmt: skip


def test_answers_become_meta_data(world):
    world.build([{"block": "Go", "key": "go", "fields": FIELDS}, {"command": "a", "key": "a"}])
    block = world.job("go").id
    with pytest.raises(Rejected, match='"Why" must be answered'):
        world.plane.jobs.unblock(block)
    with pytest.raises(Rejected, match='"c" is not an option of "Where"; it must be one of a, b'):
        world.plane.jobs.unblock(block, fields={"why": "x", "where": ["a", "c"]})
    job = world.plane.jobs.unblock(block, fields={"why": "because", "where": ["a", "b"]}, unblocker="Bob")
    assert (job.state, job.unblocked_by) == ("unblocked", "Bob")
    assert world.plane.meta_data.of_build(world.build_id) == {"name": "Ada", "why": "because", "where": "a\nb"}
    world.start("a")
    assert world.plane.job_envs.of_job(world.job("a").id)["BUILDKITE_UNBLOCKER"] == "Bob"
    with pytest.raises(Rejected, match="only a blocked one"):
        world.plane.jobs.unblock(block, fields={"why": "again"})
    with pytest.raises(InvalidRequest, match="cannot be unblocked"):
        world.plane.jobs.unblock(world.job("a").id)


# Retries by people


@pytest.mark.parametrize(
    ("retry", "moves", "error"),
    [
        ({}, ["a"], InvalidRequest),
        ({"manual": False}, ["a=1"], Rejected),
        ({"manual": {"allowed": False, "reason": "never"}}, ["a=1"], Rejected),
        ({"manual": {"permit_on_passed": False}}, ["a=0"], Rejected),
    ],
)
def test_a_retry_that_is_not_permitted(world, retry, moves, error):
    world.build([{"command": "a", "key": "a", "retry": retry}])
    world.do(*moves)
    with pytest.raises(error):
        world.plane.jobs.retry(world.job("a").id)


def test_a_job_is_retried_once(world):
    world.build([{"command": "a", "key": "a"}])
    world.run("a", 1)
    first = world.job("a")
    second = world.plane.jobs.retry(first.id)
    assert (second.retries_count, second.retry_source_id, second.retry_type) == (1, first.id, "manual")
    assert world.plane.jobs.get(first.id).retried_in_job_id == second.id
    assert (world.state, world.plane.builds.get(world.build_id).finished_at) == ("running", None)
    with pytest.raises(Rejected):
        world.plane.jobs.retry(first.id)
    world.start("a")
    assert world.plane.job_envs.of_job(second.id)["BUILDKITE_RETRY_COUNT"] == "1"


def test_each_retry_rule_counts_for_itself(world):
    rules = [{"exit_status": 2, "limit": 1}, {"exit_status": "*", "limit": 2}]
    world.build([{"command": "a", "key": "a", "retry": {"automatic": rules}}])
    world.do("a=2", "a=1", "a=1", "a=2")
    assert [job.exit_status for job in world.jobs()] == [2, 1, 1, 2]
    assert (world.state, world.job("a").retries_count) == ("failed", 3)


def test_a_canceled_job_is_not_retried_by_itself(world):
    world.build([{"command": "a", "key": "a", "retry": {"automatic": True}}])
    world.do("a", "cancel a")
    world.finish("a", -1, signal="SIGTERM")
    assert (world.states, len(world.jobs())) == ({"a": "canceled"}, 1)


# Steps


def test_the_state_and_outcome_of_steps(world):
    world.build(
        [
            {"command": "a", "key": "a", "soft_fail": True},
            "wait",
            {"block": "b", "key": "b"},
            {"command": "c", "key": "c"},
        ]
    )

    def state(key):
        return world.plane.steps.state(world.plane.steps.get(world.build_id, key))

    assert (state("a"), state("b")) == (("ready", "neutral"), ("waiting_for_dependencies", "neutral"))
    world.do("a=1")
    assert (state("a"), state("b")) == (("finished", "soft_failed"), ("waiting_for_input", "neutral"))
    world.do("unblock b", "c")
    assert (state("b"), state("c")) == (("finished", "passed"), ("running", "neutral"))
    world.plane.jobs.cancel_step(world.build_id, "c")
    world.finish("c", -1)
    assert state("c") == ("canceled", "errored")
    with pytest.raises(NotFound):
        world.plane.steps.get(world.build_id, "")


# Events


def test_events_tell_what_happens_in_order(world):
    live = world.plane.feed.subscribe()
    world.build([{"command": "a", "key": "a"}])
    world.run("a")
    events_seen = []
    while True:
        event = live.get(0)
        if event is None:
            break
        events_seen.append((event.kind, event.state))
    jobs = [state for kind, state in events_seen if kind == "job"]
    builds = [state for kind, state in events_seen if kind == "build"]
    assert jobs == ["waiting", "scheduled", "accepted", "running", "passed"]
    assert builds == ["scheduled", "running", "passed"]
    assert events_seen[-1] == ("build", "passed")


def test_a_slow_subscriber_is_told_that_it_missed_something(monkeypatch):
    monkeypatch.setattr(events, "MOST_EVENTS", 10)
    feed = events.Feed()
    slow = feed.subscribe()
    for number in range(25):
        feed.publish(Event("job", state=str(number)))
    first = slow.get(0)
    rest = []
    while True:
        event = slow.get(0)
        if event is None:
            break
        rest.append(event.state)
    assert first.kind == "missed" and rest == [str(number) for number in range(25)][-len(rest) :] and rest
    assert len(rest) <= 10


def test_waiting_bytes_are_bounded(monkeypatch):
    monkeypatch.setattr(events, "MOST_BYTES", 1000)
    feed = events.Feed()
    slow = feed.subscribe()
    for _ in range(100):
        feed.publish(Event("log", data=b"x" * 300))
    assert slow.get(0).kind == "missed"
    total = 0
    while True:
        event = slow.get(0)
        if event is None:
            break
        total += len(event.data)
    assert 0 < total <= 1000


def test_closing_wakes_who_waits_and_ends_the_memory(world):
    live = world.plane.feed.subscribe()
    answers = []
    thread = threading.Thread(target=lambda: answers.append(live.get(30)))
    thread.start()
    live.close()
    thread.join(30)
    assert answers == [None] and live.closed
    world.build([{"command": "a"}])
    assert live.get(0) is None
    other = world.plane.feed.subscribe()
    world.plane.close()
    assert other.closed
