"""A client of the Job API that knows no bkagent: HTTP over the named pipe, by what Python itself has on Windows.

Several connections at once stay open: one that says nothing, and one that stops half way. `hold FILE` keeps them open
until the file exists; `leave FILE` leaves such a process behind.
"""

import json
import os
import subprocess
import sys
import time


def connect():
    deadline = time.monotonic() + 30
    while True:
        try:
            return open(os.environ["BUILDKITE_AGENT_JOB_API_SOCKET"], "r+b", buffering=0)
        except OSError:  # all instances of the pipe are taken
            if time.monotonic() > deadline:
                raise


def ask(method, path, document=None):
    body = b"" if document is None else json.dumps(document).encode()
    token = os.environ["BUILDKITE_AGENT_JOB_API_TOKEN"]
    head = f"{method} /api/current-job/v0{path} HTTP/1.1\r\nHost: job\r\nAuthorization: Bearer {token}\r\n"
    head += f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    with connect() as pipe:
        pipe.write(head.encode() + body)
        head, _, body = pipe.readall().partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


if sys.argv[1] == "leave":
    child = subprocess.Popen(
        [sys.executable, "-I", __file__, "hold", sys.argv[2]],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert child.stdout.readline().strip() == b"holding"
    os._exit(0)
silent, partial = connect(), connect()
partial.write(b"PATCH /api/current-job/v0/env HTTP/1.1\r\nHost: job\r\nContent-Length: 99\r\n\r\n{")
if sys.argv[1] == "hold":
    print("holding", flush=True)
    while not os.path.exists(sys.argv[2]):
        time.sleep(0.01)
else:
    assert ask("PATCH", "/env", {"env": {"FROM_PYTHON": "1"}}) == (200, {"added": ["FROM_PYTHON"], "updated": []})
    status, document = ask("GET", "/env")
    print("Python reads", status, document["env"]["FROM_PYTHON"], document["env"]["FROM_BATCH"])
