"""Artifacts on their way: announced, sent to the form, found, downloaded; and what must not get through."""

import hashlib
import os
import socket
from typing import Any, Dict, List, Optional, Tuple

import pytest

from bkagent.controlplane.web.agent_api import artifacts as agent_artifacts

BOUNDARY = "----form8a7b"


def announce(job: Any, job_id: str, *files: Tuple[str, bytes], batch: str = "b1", **more: Any) -> Any:
    entries = [
        {"path": path, "absolute_path": f"/w/{path}", "file_size": len(content), "job_id": "", "url": "",
         "sha1sum": hashlib.sha1(content).hexdigest(), "sha256sum": hashlib.sha256(content).hexdigest(), **more}
        for path, content in files
    ]  # fmt: skip
    status, answer, _ = job.call(
        "POST", f"/jobs/{job_id}/artifacts", {"id": batch, "artifacts": entries, "upload_destination": ""}
    )
    assert status == 201, answer
    return answer


def form(fields: Dict[str, str], content: bytes, *, name: str = "file") -> bytes:
    pieces: List[bytes] = []
    for key, value in fields.items():
        pieces.append(f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode())
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="x"\r\n'
    pieces += [head.encode() + b"Content-Type: application/octet-stream\r\n\r\n", content, b"\r\n"]
    return b"".join(pieces) + f"--{BOUNDARY}--\r\n".encode()


def send(desk: Any, instructions: Any, path: str, content: bytes, data: Optional[Dict[str, str]] = None) -> Any:
    action = instructions["action"]
    fields = {key: value.replace("${artifact:path}", path) for key, value in instructions["data"].items()}
    body = form(fields if data is None else data, content, name=action["file_input"])
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    assert action["url"] == desk.server.url
    return desk.anyone().call(action["method"], action["path"], body=body, Content_Type=kind)


@pytest.mark.parametrize("instructions", ["per_artifact_instructions", "upload_instructions"])
def test_an_artifact_from_announcement_to_download(desk: Any, instructions: str) -> None:
    build = desk.build()
    job_id, job = desk.running_job()
    contents = {"a/\u00fc 1.txt": b"one\r\n--" + BOUNDARY.encode()[:5], "b.bin": os.urandom(300_000), "empty": b""}
    answer = announce(job, job_id, *contents.items())
    assert announce(job, job_id, *contents.items()) == answer  # the same batch again
    for artifact_id, (path, content) in zip(answer["artifact_ids"], contents.items()):
        chosen = answer[instructions]
        how = chosen[artifact_id] if instructions.startswith("per") else chosen
        assert send(desk, how, path, content)[0] == 201
    states = [{"id": id, "state": "finished"} for id in answer["artifact_ids"]]
    assert job.call("PUT", f"/jobs/{job_id}/artifacts", {"artifacts": states})[0] == 200
    status, hits, _ = job.call("GET", f"/builds/{build.id}/artifacts/search?query=*&state=finished")
    assert {artifact["path"] for artifact in hits} == set(contents)
    for artifact in hits:
        content = contents[artifact["path"]]
        assert artifact["sha1sum"] == hashlib.sha1(content).hexdigest() and artifact["created_at"].endswith("Z")
        status, got, headers = desk.anyone().call("GET", artifact["url"][len(desk.server.url) :])
        assert (status, got) == (200, content)
        assert (
            headers["content-disposition"].startswith("attachment") and headers["x-content-type-options"] == "nosniff"
        )
    base = f"/organizations/local/pipelines/demo/builds/{build.number}/artifacts"
    status, listed, _ = desk.rest().call("GET", base)
    assert [artifact["path"] for artifact in listed] == list(contents)
    status, answer, headers = desk.rest().call("GET", f"{base}/{listed[1]['id']}/download/")
    assert status == 302 and answer["url"] == headers["location"]
    path = answer["url"][len(desk.server.url) :]
    assert desk.anyone().call("GET", path, Range="bytes=-5")[1] == contents["b.bin"][-5:]
    page = desk.page().call("GET", f"/local/demo/builds/{build.number}/artifacts/{listed[1]['id']}")
    assert page[1] == contents["b.bin"]


@pytest.mark.parametrize("instructions", ["per_artifact_instructions", "upload_instructions"])
def test_names_need_not_be_utf_8(desk: Any, instructions: str) -> None:
    """As the reference sends them: U+FFFD for each odd byte in JSON, the bytes themselves in forms and queries."""
    build = desk.build()
    job_id, job = desk.running_job()
    files = [(b"bad\xff.txt", b"one"), (b"bad\xfe.txt", b"two"), (b"d\xe2\x82/in.txt", b"three")]
    texts = ["bad\ufffd.txt", "bad\ufffd.txt", "d\ufffd\ufffd/in.txt"]
    answer = announce(job, job_id, *zip(texts, [content for _, content in files]))
    for id, (name, content) in zip(answer["artifact_ids"], files):
        chosen = answer[instructions][id] if instructions.startswith("per") else answer[instructions]
        sent = form({"path": "{path}"}, content).replace(b"{path}", name).replace(b'"x"', b'"' + name + b'"')
        kind = f"multipart/form-data; boundary={BOUNDARY}"
        assert desk.anyone().call("POST", chosen["action"]["path"], body=sent, Content_Type=kind)[0] == 201
    states = [{"id": id, "state": "finished"} for id in answer["artifact_ids"]]
    assert job.call("PUT", f"/jobs/{job_id}/artifacts", {"artifacts": states})[0] == 200
    path = f"/builds/{build.id}/artifacts/search?include_duplicates=true&query="
    for query, contents in (("bad%FF.txt", [b"two", b"one"]), ("d%e2%82%2Fin.txt", [b"three"]), ("d%FF*", [b"three"])):
        status, hits, _ = job.call("GET", path + query + "&scope=" + job_id)
        assert status == 200
        assert [desk.anyone().call("GET", artifact["url"][len(desk.server.url) :])[1] for artifact in hits] == contents


def test_bytes_other_than_those_announced_are_refused(desk: Any) -> None:
    desk.build()
    job_id, job = desk.running_job()
    answer = announce(job, job_id, ("f", b"12345"))
    how = answer["per_artifact_instructions"][answer["artifact_ids"][0]]
    for wrong in (b"1234", b"123456", b"54321", b"x" * 1_000_000):
        status, refusal, _ = send(desk, how, "f", wrong)
        assert status in (400, 413) and refusal["message"]
    folder = os.path.join(desk.plane.folder, "artifacts")
    assert os.listdir(folder) == []
    finished = {"artifacts": [{"id": answer["artifact_ids"][0], "state": "finished"}]}
    assert job.call("PUT", f"/jobs/{job_id}/artifacts", finished)[0] == 422
    assert send(desk, how, "f", b"12345")[0] == 201
    assert job.call("PUT", f"/jobs/{job_id}/artifacts", finished)[0] == 200
    assert send(desk, how, "f", b"12345")[0] == 422


def test_only_the_ticket_lets_bytes_in(desk: Any) -> None:
    desk.build()
    job_id, job = desk.running_job()
    answer = announce(job, job_id, ("one", b"1"), ("two", b"2"))
    one, two = (answer["per_artifact_instructions"][id] for id in answer["artifact_ids"])
    ticket = two["action"]["path"].rpartition("/")[2]
    batch = answer["upload_instructions"]["action"]["path"]
    for path in (
        one["action"]["path"].rpartition("/")[0] + "/" + ticket, one["action"]["path"][:-1],
        f"/-/uploads/nothing/{ticket}", batch.replace("/b1/", "/b2/"), batch[:-1],
    ):  # fmt: skip
        # Refused before the body is read: none is sent.
        status, refusal, _ = desk.anyone().call("POST", path, Content_Type=f"multipart/form-data; boundary={BOUNDARY}")
        assert status == 403 and refusal["message"], path
    assert send(desk, answer["upload_instructions"], "three", b"1")[0] == 404
    assert send(desk, answer["upload_instructions"], "one", b"1", data={})[0] == 404
    for kind, status in (("text/plain", 415), ("multipart/form-data", 400)):
        assert desk.anyone().call("POST", one["action"]["path"], body=b"x", Content_Type=kind)[0] == status
    no_file = form({}, b"1", name="other")
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    assert desk.anyone().call("POST", one["action"]["path"], body=no_file, Content_Type=kind)[0] == 400
    assert job.call("POST", f"/jobs/{job_id}/artifacts", {"id": "../x", "artifacts": []})[0] == 422
    assert os.listdir(os.path.join(desk.plane.folder, "artifacts")) == []


def test_an_upload_cut_short_leaves_nothing(desk: Any) -> None:
    desk.build()
    job_id, job = desk.running_job()
    answer = announce(job, job_id, ("f", b"x" * 1_000_000))
    how = answer["per_artifact_instructions"][answer["artifact_ids"][0]]
    body = form(how["data"], b"x" * 1_000_000)
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    head = f"POST {how['action']['path']} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\n"
    with socket.create_connection(("127.0.0.1", desk.port), 20) as connection:
        connection.sendall(head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body[:-100])
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")
    assert os.listdir(os.path.join(desk.plane.folder, "artifacts")) == []


@pytest.mark.parametrize(
    "path", ["../../../etc/passwd", "/etc/passwd", "..\\..\\x", "a\x00b", "C:\\x", "con", "a/../../b", "x" * 4000]
)
def test_no_name_of_an_artifact_reaches_the_file_system(desk: Any, path: str) -> None:
    build = desk.build()
    job_id, job = desk.running_job()
    answer = announce(job, job_id, (path, b"evil"))
    id = answer["artifact_ids"][0]
    assert send(desk, answer["per_artifact_instructions"][id], path, b"evil")[0] == 201
    assert os.listdir(os.path.join(desk.plane.folder, "artifacts")) == [id]
    desk.plane.artifacts.update(job_id, {id: "finished"})
    status, got, headers = desk.page().call("GET", f"/local/demo/builds/{build.number}/artifacts/{id}")
    assert (status, got) == (200, b"evil")
    assert "/" not in headers["content-disposition"].split('"')[1] and "\\" not in headers["content-disposition"]


def test_header_lines_cannot_be_made_by_names_and_urls(desk: Any) -> None:
    build = desk.build()
    job_id, job = desk.running_job()
    answer = announce(job, job_id, ('x"; y=z\r\nSet-Cookie: a=b', b"1"))
    id = answer["artifact_ids"][0]
    assert send(desk, answer["per_artifact_instructions"][id], "p", b"1")[0] == 201
    desk.plane.artifacts.update(job_id, {id: "finished"})
    assert "set-cookie" not in desk.page().call("GET", f"/local/demo/builds/{build.number}/artifacts/{id}")[2]
    elsewhere = announce(
        job, job_id, ("y", b"1"), batch="b2", url="https://x/\r\nSet-Cookie: a=b", upload_destination="s3://x"
    )
    desk.plane.artifacts.update(job_id, {elsewhere["artifact_ids"][0]: "finished"})
    path = f"/organizations/local/jobs/{job_id}/artifacts/{elsewhere['artifact_ids'][0]}/download"
    assert desk.rest().call("GET", path)[0] == 404


def test_urls_of_artifacts_can_not_be_made_up_and_run_out(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    build = desk.build()
    job_id, job = desk.running_job()
    answer = announce(job, job_id, ("f", b"1"))
    id = answer["artifact_ids"][0]
    send(desk, answer["per_artifact_instructions"][id], "f", b"1")
    desk.plane.artifacts.update(job_id, {id: "finished"})
    monkeypatch.setattr(agent_artifacts, "URL_VALID_S", -1)
    (artifact,) = job.call("GET", f"/builds/{build.id}/artifacts/search?query=f")[1]
    path = artifact["url"][len(desk.server.url) :]
    assert desk.anyone().call("GET", path)[0] == 403
    parts = path.split("/")
    parts[4] = str(int(parts[4]) + 10_000)
    assert desk.anyone().call("GET", "/".join(parts))[0] == 404


def test_search_by_query_and_scope(desk: Any) -> None:
    build = desk.build({"command": "a", "key": "first"}, {"command": "b", "key": "second"})
    for number in range(2):
        job_id, job = desk.running_job()
        answer = announce(job, job_id, ("dir/same.txt", b"%d" % number), (f"only-{number}", b"x"))
        for id, path, content in zip(
            answer["artifact_ids"], ("dir/same.txt", f"only-{number}"), (b"%d" % number, b"x")
        ):
            send(desk, answer["per_artifact_instructions"][id], path, content)
            desk.plane.artifacts.update(job_id, {id: "finished"})

    def search(query: str) -> Any:
        return job.call("GET", f"/builds/{build.id}/artifacts/search?{query}")

    assert [artifact["path"] for artifact in search("query=dir*")[1]] == ["dir/same.txt"]
    assert len(search("query=dir*&include_duplicates=true")[1]) == 2
    assert search("query=dir/same.txt")[0] == 400
    assert len(search("query=dir/same.txt&scope=first")[1]) == 1
    assert search("query=*.none")[:2] == (200, [])
