"""`meta-data` and `annotate`, through the job's local socket and without it: the same requests, words and statuses."""

import socket

import pytest

from tests.cli_in_job.conftest import JOB_ID
from tests.fakes.scripted_server import Answer

DATA = f"/v3/jobs/{JOB_ID}/data/"


def sent(job, number=-1):
    return job.server.seen[number]


def test_get_prints_the_value_without_a_line_end(job_cli):
    job_cli.server.routes[f"POST {DATA}get"] = (200, {"key": "k", "value": "gr\u00fcn\n\u2603"})
    assert job_cli.run("meta-data", "get", "k").stdout == "gr\u00fcn\n\u2603".encode()
    request = sent(job_cli)
    assert request.document == {"key": "k"} and request.body.endswith(b"\n")
    assert request.headers["authorization"] == "Token job-token"
    assert request.headers["content-type"] == "application/json"


def test_a_missing_key(job_cli):
    job_cli.server.routes[f"POST {DATA}get"] = (404, {"message": 'No key "k" found'})
    done = job_cli.run("meta-data", "get", "k", expect=1)
    words = f'fatal: failed to get meta-data: POST {job_cli.server.url}{DATA}get: 404 Not Found: No key "k" found'
    assert words.encode() in done.stderr
    assert job_cli.run("meta-data", "get", "k", "--default", "d").stdout == b"d"
    done = job_cli.run("meta-data", "get", "k", "--default", "")
    assert done.stdout == b"" and b'returning the supplied default ""' in done.stderr


def test_exists_says_it_by_the_status_alone(job_cli):
    job_cli.server.routes[f"POST {DATA}exists"] = [(200, {"exists": False}), (200, {"exists": True}), (422, {})]
    done = job_cli.run("meta-data", "exists", "k", expect=100)
    assert done.stdout == b"" and done.stderr == b""
    job_cli.run("meta-data", "exists", "k")
    assert b"failed to see if meta-data exists" in job_cli.run("meta-data", "exists", "k", expect=1).stderr


def test_keys_come_one_a_line(job_cli):
    job_cli.server.routes[f"POST {DATA}keys"] = (200, ["b", "a\u2603"])
    assert job_cli.run("meta-data", "keys").stdout == "b\na\u2603\n".encode()
    assert sent(job_cli).body == b""


def test_a_build_may_be_named_instead(job_cli):
    job_cli.server.routes["POST /v3/builds/b%2E1/data/get"] = (200, {"value": "v"})
    assert job_cli.run("meta-data", "get", "k", "--build", "b.1", env={"BUILDKITE_JOB_ID": None}).stdout == b"v"
    assert job_cli.run("meta-data", "get", "k", env={"BUILDKITE_METADATA_BUILD_ID": "b.1"}).stdout == b"v"


def test_set_sends_an_argument_or_standard_input(job_cli):
    job_cli.server.routes[f"POST {DATA}set"] = (200, {})
    job_cli.run("meta-data", "set", "k", "a\n\u2603")
    assert sent(job_cli).document == {"key": "k", "value": "a\n\u2603"}
    done = job_cli.run("meta-data", "set", "k", stdin=b"from\r\nstdin\n\xff")
    assert sent(job_cli).document == {"key": "k", "value": "from\r\nstdin\n\ufffd"}
    assert b"Reading meta-data value from STDIN" in done.stderr
    job_cli.run("meta-data", "set", "--", "-k", "-v")
    assert sent(job_cli).document == {"key": "-k", "value": "-v"}


@pytest.mark.parametrize(
    "words, says",
    [
        (["", "v"], b"Missing meta-data key"), ([], b"Missing meta-data key"), ([" ", "v"], b"key cannot be empty"),
        (["k", ""], b"value cannot be empty"), (["k", " \n"], b"value cannot be empty"),
        (["k"], b"value cannot be empty"),
    ],
)  # fmt: skip
def test_blank_keys_and_values_are_refused_before_anything_is_sent(job_cli, words, says):
    assert says in job_cli.run("meta-data", "set", *words, expect=1).stderr
    assert not job_cli.server.seen


def test_secrets_are_taken_out_of_values_and_bodies(job_cli):
    job_cli.server.routes.update({f"POST {DATA}set": (200, {}), f"POST /v3/jobs/{JOB_ID}/annotations": (200, {})})
    secret = {"MY_TOKEN": "secret-value-1", "PLAIN": "not-a-secret", "SHORT_TOKEN": "abc"}
    done = job_cli.run("meta-data", "set", "k", "a secret-value-1 abc not-a-secret", env=secret)
    assert sent(job_cli).document["value"] == "a [REDACTED] abc not-a-secret"
    assert b'Meta-data value for key "k" contained one or more secrets' in done.stderr
    done = job_cli.run("annotate", "secret-value-1", env=secret)
    assert sent(job_cli).document["body"] == "[REDACTED]"
    assert b"Annotation body contained one or more secrets" in done.stderr
    job_cli.run("annotate", "secret-value-1", "--redacted-vars=", env=secret)
    assert sent(job_cli).document["body"] == "secret-value-1"
    job_cli.run("annotate", "not-a-secret", env={**secret, "BUILDKITE_REDACTED_VARS": "PLA*"})
    assert sent(job_cli).document["body"] == "[REDACTED]"


def test_nothing_is_sent_where_it_cannot_be_told_what_is_secret(job_cli):
    done = job_cli.run("annotate", "secret-value-1", "--redacted-vars", "[z-,*_TOKEN", expect=1)
    assert b"invalid patterns: [z-" in done.stderr
    assert not job_cli.server.seen


def test_annotate_sends_what_its_flags_say(job_cli):
    job_cli.server.routes[f"POST /v3/jobs/{JOB_ID}/annotations"] = (200, {})
    job_cli.run("annotate", "one", "--style", "info", "--context", "c", "--priority", "7", "--append", "--scope=job")
    assert sent(job_cli).document == {
        "body": "one", "context": "c", "style": "info", "append": True, "priority": 7, "scope": "job"
    }  # fmt: skip
    job_cli.run("annotate", "--context", "c", stdin=b"# Title\n")
    assert sent(job_cli).document == {"body": "# Title\n", "context": "c", "priority": 3, "scope": "build"}
    job_cli.run("annotate", "--priority", "0", env={"BUILDKITE_ANNOTATION_STYLE": "error"})
    assert sent(job_cli).document == {"style": "error", "scope": "build"}


def test_a_body_over_a_mebibyte_is_refused_here(job_cli):
    done = job_cli.run("annotate", stdin=b"x" * 1048577, expect=1)
    assert b"annotation body size (1048577B) exceeds maximum (1048576B)" in done.stderr
    assert not job_cli.server.seen


def test_a_refusal_ends_at_once_with_the_servers_words(job_cli):
    job_cli.server.routes[f"POST /v3/jobs/{JOB_ID}/annotations"] = (422, {"message": "Annotation is not valid"})
    done = job_cli.run("annotate", "x", expect=1)
    assert b"failed to annotate build: POST " in done.stderr
    assert b": 422 Unprocessable Entity: Annotation is not valid" in done.stderr
    assert len(job_cli.server.seen) == 1


def test_what_passes_is_tried_again(job_cli):
    hurried = Answer(503, {"message": "busy"}, headers={"Retry-After": "0"})
    job_cli.server.routes[f"POST {DATA}get"] = [
        hurried,
        Answer(429, headers={"Retry-After": "0.01"}),
        Answer(200, {"value": "v"}),
    ]
    done = job_cli.run("meta-data", "get", "k")
    assert done.stdout == b"v"
    assert b"503 Service Unavailable: busy (Attempt 1/10 Retrying immediately)" in done.stderr


def test_the_headers_that_the_control_plane_wants_go_along(job_cli):
    job_cli.server.routes[f"POST {DATA}keys"] = (200, [])
    wanted = {"BUILDKITE_REQUEST_HEADER_BUILDKITE_HELLO_WORLD": "there", "BUILDKITE_REQUEST_HEADER_COOKIE": "no"}
    job_cli.run("meta-data", "keys", env=wanted)
    assert sent(job_cli).headers["buildkite-hello-world"] == "there"
    assert "cookie" not in sent(job_cli).headers


def test_the_token_must_be_there(job_cli):
    done = job_cli.run("meta-data", "get", "k", env={"BUILDKITE_AGENT_ACCESS_TOKEN": None}, expect=1)
    assert b"Missing agent-access-token" in done.stderr
    assert b"Missing job" in job_cli.run("annotate", "x", env={"BUILDKITE_JOB_ID": None}, expect=1).stderr


def test_the_socket_is_what_carries_it(job):
    job.server.routes[f"POST {DATA}keys"] = (200, [])
    job.run("meta-data", "keys", env={"HTTP_PROXY": "http://127.0.0.1:1"})
    assert sent(job).headers["user-agent"] == "bkagent-test"


def test_a_command_that_was_told_no_endpoint_uses_that_of_the_socket(job):
    """In a container: plugins mount the socket and pass its token and the job's, and no endpoint."""
    job.server.routes[f"POST {DATA}keys"] = (200, ["k"])
    assert job.run("meta-data", "keys", env={"BUILDKITE_AGENT_ENDPOINT": None}).stdout == b"k\n"
    assert sent(job).headers["user-agent"] == "bkagent-test"


def test_a_command_that_was_told_another_endpoint_connects_itself(job):
    job.server.routes[f"POST /other/jobs/{JOB_ID}/data/keys"] = (200, ["k"])
    job.run("meta-data", "keys", env={"BUILDKITE_AGENT_ENDPOINT": job.server.url + "/other"})
    assert sent(job).headers["user-agent"].startswith("buildkite-agent/")


@pytest.mark.parametrize(
    "change",
    [
        {"BUILDKITE_AGENT_JOB_API_SOCKET": "/nowhere/x.sock"}, {"BUILDKITE_AGENT_JOB_API_TOKEN": "wrong"},
        {"BUILDKITE_AGENT_ACCESS_TOKEN": "another"},
    ],
)  # fmt: skip
def test_without_a_socket_that_serves_it_a_command_connects_itself(job, change):
    job.server.routes[f"POST {DATA}keys"] = (200, ["k"])
    assert job.run("meta-data", "keys", env=change).stdout == b"k\n"
    assert sent(job).headers["user-agent"].startswith("buildkite-agent/")


def test_another_agents_socket_knows_nothing_of_passing_on(job, tmp_path):
    """As the reference's, which answers 404 to what it does not know."""
    import _socket
    import threading

    path = str(tmp_path / "other.sock")
    listener = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(5)

    def serve():
        descriptor, _ = listener._accept()
        with socket.socket(fileno=descriptor) as client:
            client.recv(65536)
            client.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\n\r\n404 page not found\n")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    job.server.routes[f"POST {DATA}keys"] = (200, ["k"])
    assert job.run("meta-data", "keys", env={"BUILDKITE_AGENT_JOB_API_SOCKET": path}).stdout == b"k\n"
    thread.join(10)
    listener.close()


def test_debugging_shows_requests_but_no_token(job_cli):
    job_cli.server.routes[f"POST {DATA}keys"] = (200, [])
    done = job_cli.run("meta-data", "keys", "--debug", "--debug-http")
    assert b"data/keys" in done.stderr and b"status=200" in done.stderr and b"job-token" not in done.stderr


def test_set_batch_sends_all_pairs_in_order(job_cli):
    job_cli.server.routes[f"POST {DATA}set-batch"] = (200, {})
    done = job_cli.run(
        "meta-data", "set-batch", "a=1", "b= x=y ", "a=secret-value-1", env={"MY_TOKEN": "secret-value-1"}
    )
    items = [{"key": "a", "value": "1"}, {"key": "b", "value": " x=y "}, {"key": "a", "value": "[REDACTED]"}]
    assert sent(job_cli).document == {"items": items}
    assert b'Meta-data value for key "a" contained one or more secrets' in done.stderr and done.stdout == b""


@pytest.mark.parametrize(
    "words, says",
    [
        ([], b"at least one key=value argument is required"), (["a"], b'invalid argument "a": must be in key=value'),
        (["a=1", "=1"], b'invalid argument "=1": key cannot be empty'), (["a="], b"value cannot be empty"),
        (["a=1", " =1"], b"key cannot be empty"), (["a= \t"], b"value cannot be empty"),
    ],
)  # fmt: skip
def test_one_bad_pair_and_nothing_is_sent(job, words, says):
    assert says in job.run("meta-data", "set-batch", *words, expect=1).stderr
    assert not job.server.seen


def test_set_batch_tries_again_but_for_401_and_404(job):
    for status in (401, 404):
        job.server.routes[f"POST {DATA}set-batch"] = [(status, {"message": "no"}), (200, {})]
        done = job.run("meta-data", "set-batch", "a=1", expect=1)
        assert b"failed to set meta-data batch" in done.stderr and len(job.server.seen) == 1
        job.server.seen.clear()
    job.server.routes[f"POST {DATA}set-batch"] = [Answer(503, {}, headers={"Retry-After": "0"}), (200, {})]
    job.run("meta-data", "set-batch", "a=1")
    assert len(job.server.seen) == 2


def test_annotation_remove_names_context_and_scope(job_cli):
    job_cli.server.routes.update({
        f"DELETE /v3/jobs/{JOB_ID}/annotations/default": (200, None),
        f"DELETE /v3/jobs/{JOB_ID}/annotations/a%20b%2Ec%2Fd": [(200, None), (404, {"message": "none"})],
    })  # fmt: skip
    assert job_cli.run("annotation", "remove").stdout == b""
    assert sent(job_cli).query == "scope=build" and sent(job_cli).body == b""
    job_cli.run("annotation", "remove", "--context", "a b.c/d", "--scope", "job")
    assert sent(job_cli).query == "scope=job"
    done = job_cli.run("annotation", "remove", env={"BUILDKITE_ANNOTATION_CONTEXT": "a b.c/d"}, expect=1)
    assert b"fatal: failed to remove annotation: DELETE " in done.stderr and b"404 Not Found: none" in done.stderr
    assert b"Missing context." in job_cli.run("annotation", "remove", "--context=", expect=1).stderr
