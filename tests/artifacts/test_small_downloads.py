"""Small artifacts of a download come by one thread: what does not come as it should goes the way of the others."""

import hashlib

import pytest

from bkagent.artifacts.download.download import Query, download
from bkagent.artifacts.transfer_context import TransferContext
from bkagent.errors import AgentError
from bkagent.remote.client import Client
from bkagent.transport.retry import constant
from tests.fakes.scripted_server import Answer, Raw, ScriptedServer


def run(folder, content, answers=None):
    """Download files with this content, by path; the server gives `answers` for some of them. Return their content."""
    with ScriptedServer() as server:
        rows = []
        for number, (path, data) in enumerate(content.items()):
            server.routes[f"GET /get/{number}"] = (answers or {}).get(path, Answer(200, body=data))
            sha256 = hashlib.sha256(data).hexdigest()
            url = f"{server.url}/get/{number}"
            rows.append({"path": path, "file_size": len(data), "url": url, "sha256sum": sha256})
        server.routes["GET /builds/b/artifacts/search"] = Answer(200, rows)
        client = Client(server.url, "t", environ={}, user_agent="agent/1")
        context = TransferContext(client, str(folder), {}, "agent/1", lambda level, text: None)
        try:
            download(context, Query("b", "*"), ".", constant(3, 0.0))
        finally:
            assert all("authorization" not in request.headers for request in server.seen[1:])
            assert all(request.headers["user-agent"] == "agent/1" for request in server.seen)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_small_and_large_artifacts_of_one_download_arrive(tmp_path):
    content = {f"{at % 7}/{at}": bytes([at]) * (at % 3 * 50_000) for at in range(90)}
    assert run(tmp_path, content) == content


@pytest.mark.parametrize(
    "first",
    (
        Answer(200, body=b"another"),
        Answer(503),
        Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\ncon"),
        Raw(reset=True),
        Raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\ncontent\r\n0\r\n\r\n"),
    ),
    ids=("other-content", "busy", "half", "reset", "chunks"),
)
def test_what_does_not_come_as_it_should_is_downloaded_again(tmp_path, first):
    content = {f"{at}": b"content" for at in range(5)}
    assert run(tmp_path, content, {"3": [first, Answer(200, body=b"content")]}) == content


def test_one_that_never_comes_is_an_error_and_the_rest_arrives(tmp_path):
    content = {f"{at}": b"content" for at in range(5)}
    with pytest.raises(AgentError, match="there were errors"):
        run(tmp_path, content, {"3": Answer(200, body=b"another")})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1", "2", "4"]
