"""One job through a real server and a real agent, each a process of its own, from this checkout."""

import json
import os
import subprocess
import sys
import tempfile
import urllib.request

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PIPELINE = """\
steps:
  - label: smoke
    command: test "$$(buildkite-agent meta-data get greeting)" = hello && echo "the job ran"
"""
LIMIT_S = 60


def run() -> int:
    """Return 0 when the job passed and its log says so."""
    with tempfile.TemporaryDirectory() as folder:
        environ = {name: text for name, text in os.environ.items() if not name.startswith("BUILDKITE")}
        environ.update(HOME=folder, PYTHONPATH=TOP)
        data = os.path.join(folder, "data")
        words = [sys.executable, "-m", "bkagent"]
        server = subprocess.Popen(
            [*words, "server", "--data", data, "--listen", "127.0.0.1:0"], env=environ, stdout=subprocess.PIPE
        )
        try:
            return _one_job(words, environ, folder, data, _url(server))
        finally:
            server.terminate()
            server.communicate(timeout=LIMIT_S)


def _url(server: "subprocess.Popen[bytes]") -> str:
    assert server.stdout is not None
    return next(word for word in server.stdout.readline().decode().split() if word.startswith("http"))


def _one_job(words: "list[str]", environ: "dict[str, str]", folder: str, data: str, url: str) -> int:
    pipeline = os.path.join(folder, "pipeline.yml")
    with open(pipeline, "w", encoding="utf-8") as file:
        file.write(PIPELINE)
    create = [
        *words,
        "build",
        "create",
        "--data",
        data,
        "--pipeline",
        "smoke",
        "--file",
        pipeline,
        "--meta-data",
        "greeting=hello",
    ]
    create += ["--repository", TOP, "--commit", "HEAD", "--branch", "main", "--env", "BUILDKITE_SKIP_CHECKOUT=true"]
    subprocess.run(create, env=environ, check=True, timeout=LIMIT_S)
    start = [*words, "start", "--endpoint", url.rstrip("/") + "/v3", "--token", f"file://{data}/tokens/agent"]
    start += ["--name", "smoke", "--disconnect-after-job", "--build-path", os.path.join(folder, "builds")]
    subprocess.run(start, env=environ, check=True, timeout=LIMIT_S)
    build = f"{url.rstrip('/')}/v2/organizations/local/pipelines/smoke/builds/1"
    with open(os.path.join(data, "tokens", "api"), encoding="ascii") as file:
        token = file.read().strip()
    shown = json.loads(_get(build, token))
    (job,) = shown["jobs"]
    log = json.loads(_get(f"{build}/jobs/{job['id']}/log", token))["content"]
    if shown["state"] != "passed" or "the job ran" not in log:
        print(f"the build is {shown['state']}; the job's log:\n{log}")
        return 1
    print("one job went through server and agent")
    return 0


def _get(url: str, token: str) -> bytes:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=LIMIT_S) as answer:
        return bytes(answer.read())
