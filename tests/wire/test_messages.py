"""Messages survive the wire, and what is wrong with one is said by name."""

import random

import pytest

from bkagent.config.options import server
from bkagent.controlplane.plane.timing import Timing
from bkagent.errors import WireError
from bkagent.spool.manifest import JobManifest
from bkagent.wire.accepted_job import AcceptedJob
from bkagent.wire.finish import Finish
from bkagent.wire.ping import Ping
from bkagent.wire.registration import LOST_AFTER_S, Registered, Registration

REGISTERED = {"id": "a1", "access_token": "t", "ping_interval": 2, "job_status_interval": 3, "heartbeat_interval": 4}
SAMPLES = [
    Registration(name="n", hostname="h", os="o", arch="amd64", version="1", build="b", pid=7, meta_data=("queue=x",)),
    Registered("a1", "n", "t", 1.0, 2.0, 3.0, endpoint="http://e", request_headers={}, meta_data=("a=b",)),
    Ping(action="pause", message="m", job_id="j", endpoint="e", request_headers={"Buildkite-A": "b"}),
    AcceptedJob("j", 100, token="t", env={"A": "b"}, step={"command": "x"}, matrix_permutation={"a": "b"}),
    Finish("-1", "SIGTERM", "cancel", "2026-01-01T00:00:00Z", 2, True),
]


@pytest.mark.parametrize("message", SAMPLES, ids=lambda message: type(message).__name__)
def test_a_message_is_itself_again_after_the_wire(message):
    assert type(message).from_wire(message.to_wire()) == message


@pytest.mark.parametrize("kind", [type(message) for message in SAMPLES])
@pytest.mark.parametrize("document", [None, [], "x", 1, True])
def test_a_message_that_is_no_object_is_refused(kind, document):
    with pytest.raises(WireError, match="expected a JSON object"):
        kind.from_wire(document)


def test_absent_and_empty_request_headers_differ():
    assert Ping.from_wire({}).request_headers is None
    assert Ping.from_wire({"request_headers": None}).request_headers is None
    assert Ping.from_wire({"request_headers": {}}).request_headers == {}


def test_an_empty_ping_answer_and_an_unknown_action_mean_idle():
    assert Ping.from_wire({}) == Ping.from_wire({"action": "dance"}) == Ping()


def test_a_registration_without_tags_still_lists_them():
    document = Registration("n", "h", "o", "a", "1", "b", 0).to_wire()
    assert document["meta_data"] == [] and document["features"] == []
    assert not {"priority", "pid", "machine_id"} & set(document)


def test_a_clean_finish_says_only_what_matters():
    assert Finish("0").to_wire() == {"exit_status": "0", "chunks_failed_count": 0}


@pytest.mark.parametrize("name", ["ping_interval", "heartbeat_interval"])
@pytest.mark.parametrize("value", [0, -1, "1", None, True, float("inf")])
def test_an_interval_that_no_loop_can_use_is_refused_by_name(name, value):
    with pytest.raises(WireError, match=name):
        Registered.from_wire({**REGISTERED, name: value})


@pytest.mark.parametrize("value", [0, None, -5])
def test_the_job_status_interval_has_a_default(value):
    assert Registered.from_wire({**REGISTERED, "job_status_interval": value}).job_status_interval_s == 1.0


@pytest.mark.parametrize("value", [0, None, "100", 1.5])
def test_a_job_without_a_chunk_limit_is_refused_by_name(value):
    with pytest.raises(WireError, match="chunks_max_size_bytes"):
        AcceptedJob.from_wire({"id": "j", "chunks_max_size_bytes": value})


@pytest.mark.parametrize("name", ["../up", "a/b", ".", "a\\b", "a b", "-x", "x" * 101, "C:x", "\u00e9"])
def test_a_job_whose_id_is_no_file_name_is_refused(name):
    with pytest.raises(WireError, match="accepted job: id"):
        AcceptedJob.from_wire({"id": name, "chunks_max_size_bytes": 1})


def test_a_variable_that_is_no_text_is_refused_by_name_and_not_shown():
    with pytest.raises(WireError, match=r"env\.B must be a string") as caught:
        AcceptedJob.from_wire({"id": "j", "chunks_max_size_bytes": 1, "env": {"A": "ok", "B": ["hush"]}})
    assert "hush" not in str(caught.value)


def test_tokens_are_not_printed():
    assert "hush" not in repr(Registered("a", "n", "hush", 1, 1, 1)) + repr(AcceptedJob("j", 1, token="hush"))


def test_no_document_makes_a_reader_fail_in_another_way():
    rng = random.Random(7)
    values = [None, True, 0, -1, 1.5, "", "x", [], ["x"], [1], {}, {"id": "x"}, {"id": 1}, {"a": None}]
    for message in SAMPLES * 200:
        document = dict(message.to_wire())
        for name in rng.sample(sorted(document), k=min(2, len(document))):
            document[name] = rng.choice(values)
        try:
            type(message).from_wire(document)
        except WireError:
            pass


def test_how_long_an_agent_may_be_silent_is_said_where_it_is_not_the_usual_time():
    usual = Registered.from_wire(REGISTERED)
    assert usual.lost_after_s == LOST_AFTER_S and "lost_after" not in usual.to_wire()
    short = Registered.from_wire({**REGISTERED, "lost_after": 24})
    assert short.lost_after_s == 24.0 and short.to_wire()["lost_after"] == 24


def test_everybody_means_the_same_usual_time():
    assert server.LOST_AFTER.default == Timing().lost_after_s == LOST_AFTER_S
    assert JobManifest("j", "http://e", "t").lost_after_s == LOST_AFTER_S
