"""How often the requests of in-job commands are tried, with which pauses, and what ends the trying at once."""

import pytest

from bkagent.errors import Refused, Unavailable, WireError
from bkagent.remote.client import Client
from bkagent.remote.commands import (
    agent_control,
    annotations,
    artifacts,
    builds,
    job_updates,
    meta_data,
    oidc,
    repository_tokens,
    secrets,
    steps,
)  # fmt: skip
from tests.fakes.scripted_server import Answer, ScriptedServer

SUBSECOND_2 = [2.0, 3.216, 5.171, 8.316, 13.374, 21.507, 34.585, 55.617, 89.44]
ONE_TO_TWO = ("random", 1.0, 2.0)
CHANGE = steps.Change("u", "b", "label", "v")

# Name -> (what to call, tries, pauses or (lowest, highest) of every pause).
CALLS = {
    "step get": (
        lambda client, **rest: steps.export(client, "s", attribute="a", build_id="b", format="", **rest), 10, [5.0] * 9
    ),
    "step update": (lambda client, **rest: steps.update(client, "s", CHANGE, **rest), 10, [5.0] * 9),
    "step cancel": (
        lambda client, **rest: steps.cancel(client, "s", build_id="", force=False, grace_s=1, **rest), 10, [5.0] * 9
    ),
    "build cancel": (lambda client, **rest: builds.cancel(client, "b", **rest), 5, ONE_TO_TWO),
    "job update": (lambda client, **rest: job_updates.update(client, "j", "a", "v", **rest), 10, SUBSECOND_2),
    "job promise-failure": (
        lambda client, **rest: job_updates.promise_failure(client, "j", 1, "", **rest), 10, SUBSECOND_2
    ),
    "oidc request-token": (
        lambda client, **rest: oidc.token(client, "j", oidc.OidcTokenRequest(), **rest), 5, [1.0, 2.0, 4.0, 8.0]
    ),
    "secret get": (lambda client, **rest: secrets.get(client, "j", "k", **rest), 3, [(0.0, 6.0), (1.0, 7.0)]),
    "git-credentials-helper": (lambda client, **rest: repository_tokens.get(client, "j", "u", **rest), 3, [5.0] * 2),
    "pause": (lambda client, **rest: agent_control.pause(client, **rest), 5, ONE_TO_TWO),
    "resume": (lambda client, **rest: agent_control.resume(client, **rest), 5, ONE_TO_TWO),
    "stop": (lambda client, **rest: agent_control.stop(client, force=True, **rest), 5, ONE_TO_TWO),
    "annotation remove": (
        lambda client, **rest: annotations.remove(client, "j", "c", scope="build", **rest), 5, ONE_TO_TWO
    ),
    "meta-data set-batch": (
        lambda client, **rest: meta_data.set_batch(client, "j", [("a", "b")], **rest), 10, SUBSECOND_2
    ),
    "artifact search": (lambda client, **rest: artifacts.search(client, "b", "*", **rest), 10, [5.0] * 9),
}  # fmt: skip

# Some errors are tried again although another try seldom helps.
STUBBORN = {"meta-data set-batch": (403, 409, 422), "artifact search": (401, 403, 404, 409, 422)}


class Waits:
    def __init__(self):
        self.pauses = []

    def __call__(self, seconds):
        self.pauses.append(seconds)
        return False

    def report(self, level, text):
        pass


@pytest.fixture
def server():
    with ScriptedServer() as started:
        yield started


def attempt(server, name):
    """Call against the server; return the error and the pauses."""
    waits = Waits()
    client = Client(server.url + "/v3", "t", environ={}, user_agent="a")
    try:
        CALLS[name][0](client, wait=waits, report=waits.report)
    except (Refused, Unavailable, WireError) as error:
        return error, waits.pauses
    return None, waits.pauses


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_pass_is_waited_for(server, name, status):
    server.routes["*"] = (status, {"message": "later"})
    error, pauses = attempt(server, name)
    _, tries, expected = CALLS[name]
    assert isinstance(error, Unavailable) and error.status == status
    assert len(server.seen) == tries and len(pauses) == tries - 1
    if expected is ONE_TO_TWO:
        expected = [ONE_TO_TWO[1:]] * (tries - 1)
    for pause, wanted in zip(pauses, expected):
        low, high = wanted if isinstance(wanted, tuple) else (wanted, wanted)
        assert low - 0.002 <= pause <= high + 0.002, pauses


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("status", [401, 403, 404, 409, 422])
def test_a_refusal_is_final(server, name, status):
    server.routes["*"] = (status, {"message": "no"})
    error, pauses = attempt(server, name)
    stubborn = status in STUBBORN.get(name, ())
    assert isinstance(error, Refused) and error.status == status
    assert len(server.seen) == (CALLS[name][1] if stubborn else 1)


@pytest.mark.parametrize("name", CALLS)
def test_a_pause_that_the_server_names_is_kept(server, name):
    server.routes["*"] = [Answer(503, {}, headers={"Retry-After": "7"}), (422, {"message": "no"})]
    _, pauses = attempt(server, name)
    assert pauses[0] == 7.0


@pytest.mark.parametrize("name", ["step get", "step cancel", "build cancel", "oidc request-token", "secret get"])
@pytest.mark.parametrize("answer", [[], {"output": 1, "uuid": 1, "token": 1, "value": 1}, None])
def test_an_answer_of_another_shape_is_no_success(server, name, answer):
    server.routes["*"] = Answer(200, body=b"null") if answer is None else (200, answer)
    error, _ = attempt(server, name)
    assert isinstance(error, WireError) and len(server.seen) == CALLS[name][1]


@pytest.mark.parametrize("name", ["step get", "step cancel", "build cancel", "job update", "artifact search"])
def test_a_page_in_place_of_an_answer_is_tried_again(server, name):
    good = [] if name == "artifact search" else {"output": "x", "uuid": "u"}
    server.routes["*"] = [Answer(200, body=b"<html>"), (200, good)]
    error, pauses = attempt(server, name)
    assert error is None and len(server.seen) == 2 and len(pauses) == 1
