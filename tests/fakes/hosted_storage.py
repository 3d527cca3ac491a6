"""A small control plane that keeps artifacts itself, as forms or in parts, and counts what arrives."""

import re
import threading

from tests.fakes.scripted_server import Answer, ScriptedServer


class HostedStorage:
    """Answers below `prefix` as a control plane does, and elsewhere as its storage.

    parts_count  of each file, 0 for forms
    records      by id; `batches` has the ids of each batch by its own id
    arrivals     "path" or "path/part" of every upload that was acknowledged, in order
    faults       artifact path -> statuses to answer uploads with first
    """

    def __init__(self, parts_count=0, prefix=""):
        self.parts_count = parts_count
        self.records, self.batches, self.states, self.content, self.parts = {}, {}, {}, {}, {}
        self.etags, self.faults, self.arrivals, self.batch_ids = {}, {}, [], []
        self._lock = threading.Lock()
        self.server = ScriptedServer(
            {
                f"POST {prefix}/jobs/j/artifacts": self.create,
                f"PUT {prefix}/jobs/j/artifacts": self.update,
                "*": self.take,
            }  # fmt: skip
        )

    def create(self, request):
        document = request.document
        with self._lock:
            self.batch_ids.append(document["id"])
            ids = self.batches.get(document["id"])
            if ids is None:
                first = len(self.records)
                ids = [f"id{first + at}" for at in range(len(document["artifacts"]))]
                self.records.update(zip(ids, document["artifacts"]))
                self.batches[document["id"]] = ids
        if not self.parts_count:
            form = {
                "action": {"url": self.server.url + "/?q=1", "method": "POST", "path": "form", "file_input": "file"}
            }
            form["data"] = {"key": "dir/${artifact:path}", "policy": "p"}
            return Answer(201, {"artifact_ids": ids, "upload_instructions": form})
        own = {
            id: {"actions": [
                {"url": f"{self.server.url}/part/{id}/{number}?sig=x", "method": "PUT", "part_number": number}
                for number in range(self.parts_count, 0, -1)
            ]} for id in ids
        }  # fmt: skip
        return Answer(201, {"artifact_ids": ids, "per_artifact_instructions": own})

    def update(self, request):
        with self._lock:
            for change in request.document["artifacts"]:
                assert change["id"] not in self.states
                self.states[change["id"]] = change["state"]
                self.etags[change["id"]] = change.get("multipart_etags")
        return Answer(200, {})

    def take(self, request):
        assert "authorization" not in request.headers
        if request.path == "/form":
            return self.take_form(request)
        id, number = request.path.split("/")[2:]
        with self._lock:
            path = self.records[id]["path"]
            self.parts.setdefault(id, {})[int(number)] = request.body
            fault = self.faults.get(path)
            if fault:
                return Answer(fault.pop(0))
            self.arrivals.append(f"{path}/{number}")
        return Answer(200, headers={"ETag": f'"{number}"'})

    def take_form(self, request):
        boundary = re.fullmatch("multipart/form-data; boundary=(.+)", request.headers["content-type"]).group(1).encode()
        pieces = request.body.split(b"--" + boundary)
        assert pieces[-1] == b"--\r\n" and request.query == "q=1"
        head, _, content = pieces[-2].partition(b"\r\n\r\n")
        path = re.search(rb'name="file"; filename="(.*)"\r\n', head).group(1).decode()
        assert b'name="key"\r\n\r\ndir/' + _written(path).encode() in request.body
        with self._lock:
            fault = self.faults.get(path)
            if fault:
                return Answer(fault.pop(0), body=b"<Error>no</Error>")
            self.content[path] = content[:-2]
            self.arrivals.append(path)
        return Answer(204)


def _written(filename):
    """Return a path as it was before it became the name of a form's file."""
    return filename.replace("\\\\", "\\").replace('\\"', '"').replace("%0A", "\n")
