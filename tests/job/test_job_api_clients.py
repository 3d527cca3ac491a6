"""The Job API from other languages than ours, in a real job: curl, and Node's http."""

import json
import pathlib
import shutil
import sys
from typing import Any, List, Tuple

import pytest

from tests.job.conftest import JobSandbox

STARTS = ("exec",)

# Each request prints its status and its body as one line.
CURL = """
ask() {
    curl --silent --show-error --unix-socket "$BUILDKITE_AGENT_JOB_API_SOCKET" --write-out '%{http_code}\\n' \\
        --header "Authorization: Bearer ${TOKEN-$BUILDKITE_AGENT_JOB_API_TOKEN}" "$@" >>"$SEEN"
}
base=http://job/api/current-job/v0
ask "$base/env" --output "$(dirname "$SEEN")/env.json"
ask "$base/env" --request PATCH --data '{"env":{"NEW":"one two","HOME":"/new"}}'
ask "$base/env" --request DELETE --data '{"keys":["NEW","NONE"]}'
ask "$base/env" --request PATCH --data '{"env":{"LATER":"of curl"}}' --header 'Transfer-Encoding: chunked'
ask "$base/workdir" --upload-file - <<.
{"workdir":"$(dirname "$SEEN")"}
.
ask "$base/redactions" --data '{"redact":"covered up"}'
ask "$base/env" --request PATCH --data '{"env":{"BUILDKITE_AGENT_PID":"1"}}'
ask "$base/promise-failure" --data '{"exit_status":0}'
ask "$base/nothing"
ask --head "$base/env"
TOKEN=wrong ask "$base/env"
"""
NODE = r"""
const fs = require("fs"), http = require("http"), path = require("path");
const {BUILDKITE_AGENT_JOB_API_SOCKET: socketPath, BUILDKITE_AGENT_JOB_API_TOKEN: token, SEEN} = process.env;
const agent = new http.Agent({keepAlive: true});

function ask(method, place, document, bearer = token) {
  return new Promise((resolve, reject) => {
    const body = document === undefined ? "" : JSON.stringify(document);
    // Without the length Node sends the body of a DELETE as if it were the next request.
    const headers = {Authorization: `Bearer ${bearer}`, "Content-Length": Buffer.byteLength(body)};
    const request = http.request({agent, headers, method, path: "/api/current-job/v0" + place, socketPath}, answer => {
      const blocks = [];
      answer.on("data", block => blocks.push(block));
      answer.on("end", () => resolve([answer.statusCode, Buffer.concat(blocks).toString()]));
    });
    request.on("error", reject);
    request.end(body);
  });
}

(async () => {
  const [status, env] = await ask("GET", "/env");
  fs.writeFileSync(path.join(path.dirname(SEEN), "env.json"), env);
  const answers = [[status, ""]];
  for (const words of [
    ["PATCH", "/env", {env: {NEW: "one two", HOME: "/new"}}], ["DELETE", "/env", {keys: ["NEW", "NONE"]}],
    ["PATCH", "/env", {env: {LATER: "of node"}}], ["PUT", "/workdir", {workdir: path.dirname(SEEN)}],
    ["POST", "/redactions", {redact: "covered up"}], ["PATCH", "/env", {env: {BUILDKITE_AGENT_PID: "1"}}],
    ["POST", "/promise-failure", {exit_status: 0}], ["GET", "/nothing"], ["HEAD", "/env"],
    ["GET", "/env", undefined, "wrong"],
  ]) answers.push(await ask(...words));
  fs.writeFileSync(SEEN, answers.map(([status, body]) => body.trimEnd() + (body && "\n") + status + "\n").join(""));
  // The connection stays open, and the job ends all the same.
  setTimeout(() => {}, 600000).unref();
})();
"""


def answers(lines: List[str]) -> List[Tuple[int, Any]]:
    """Return the statuses and bodies that a client has written down."""
    read: List[Tuple[int, Any]] = []
    body: List[str] = []
    for line in lines:
        if line.isdigit():
            text = "\n".join(body)
            read.append((int(line), json.loads(text) if text.startswith("{") else text))
            body = []
        else:
            body.append(line)
    return read


def run_client(sandbox: JobSandbox, name: str, program: str, script: str) -> List[Tuple[int, Any]]:
    """Run a job whose pre-command hook is a client; return what it was answered."""
    (sandbox.root / "client").write_text(script, encoding="utf-8")
    # Of a shell's hook the working directory is the one that it leaves; this is a program of another kind.
    words = [program, str(sandbox.root / "client")]
    lines = (f"#!{sys.executable}", "import os", f"os.execvp({program!r}, {words!r})")
    sandbox.hook("pre-command", *lines, executable=True)
    job = sandbox.run('echo "in $PWD LATER=$LATER HOME=$HOME NEW=${NEW-gone} covered up"')
    assert job.status == 0, job.lines
    assert job.has(f"in {sandbox.root} LATER=of {name} HOME=/new NEW=gone [REDACTED]"), "\n".join(job.lines)
    env = json.loads((sandbox.root / "env.json").read_text(encoding="utf-8"))["env"]
    assert env["BUILDKITE_JOB_ID"] == "job-1" and "LATER" not in env
    return answers(sandbox.seen())


EXPECTED = [
    (200, ""),
    (200, {"added": ["NEW"], "updated": ["HOME"]}),
    (200, {"deleted": ["NEW"]}),
    (200, {"added": ["LATER"], "updated": []}),
    (200, {"workdir": "ROOT"}),
    (201, {"redacted": "covered up"}),
    (
        422,
        {"error": "the following environment variables are protected, and cannot be modified: [BUILDKITE_AGENT_PID]"},
    ),
    (400, {"error": "exit_status must be a positive integer"}),
    (404, "404 page not found"),
    (405, ""),
    (401, {"error": "invalid authorization token"}),
]


def expected(root: pathlib.Path) -> List[Tuple[int, Any]]:
    return [(status, json.loads(json.dumps(body).replace("ROOT", str(root)))) for status, body in EXPECTED]


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
def test_curl_changes_a_job(sandbox: JobSandbox) -> None:
    read = run_client(sandbox, "curl", "/bin/sh", CURL)
    head = [(status, "" if status == 405 else body) for status, body in read]
    assert head == expected(sandbox.root)
    assert "HTTP/1.1 405 Method Not Allowed" in read[9][1] and "Allow: DELETE, GET, PATCH" in read[9][1]


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node here")
def test_node_changes_a_job(sandbox: JobSandbox) -> None:
    read = run_client(sandbox, "node", "node", NODE)
    assert read == expected(sandbox.root)
