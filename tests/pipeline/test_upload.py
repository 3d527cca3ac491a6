"""`pipeline upload` as a job runs it: a process, files, git and a control plane over HTTP."""

import json
import os
import re
import subprocess
import sys

import pytest

from bkagent.config.launching import self_command
from tests.fakes.scripted_server import Answer, ScriptedServer

JOB_ID = "0190-job"
STEPS = b"steps:\n- command: echo $GREETING\n"


@pytest.fixture
def server():
    with ScriptedServer({f"POST /v3/jobs/{JOB_ID}/pipelines": (200, {})}) as started:
        yield started


@pytest.fixture
def upload(server, tmp_path):
    """Return a function that runs the command in tmp_path and gives (exit status, output, messages)."""
    environ = {
        "PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "SYSTEMROOT": os.environ.get("SYSTEMROOT", ""),
        "BUILDKITE_AGENT_ENDPOINT": server.url + "/v3", "BUILDKITE_AGENT_ACCESS_TOKEN": "job-token",
        "BUILDKITE_JOB_ID": JOB_ID, "GREETING": "hello",
    }  # fmt: skip

    def run(*words, stdin=None, env=None):
        whole = {name: text for name, text in {**environ, **(env or {})}.items() if text is not None}
        source = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
        argv = self_command.command(["pipeline", "upload", *words])
        done = subprocess.run(argv, cwd=tmp_path, env=whole, capture_output=True, timeout=60, check=False, **source)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    return run


def git(folder, *words):
    done = subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)
    return done.stdout.decode().strip()


def test_standard_input_is_filled_and_uploaded(upload, server):
    status, out, err = upload("--replace", stdin=STEPS)
    assert (status, out) == (0, ""), err
    (request,) = server.seen
    assert request.query == "async=true"
    assert {name.lower(): text for name, text in request.headers.items()}["x-buildkite-backoff-sequence"] == "0"
    sent = request.document
    assert sent.pop("uuid") and sent == {"replace": True, "pipeline": {"steps": [{"command": "echo hello"}]}}
    assert 'Successfully parsed and uploaded pipeline #1 from "(stdin)"' in err


def test_files_are_uploaded_in_order_and_counted_each(upload, server, tmp_path):
    (tmp_path / "a.yml").write_bytes(STEPS + b"---\n" + STEPS)
    (tmp_path / "b.json").write_text('{"steps": ["wait"]}')
    status, _, err = upload("a.yml", "b.json", stdin=b"steps: [{command: not me}]")
    assert status == 0, err
    assert [request.document["pipeline"]["steps"][0] for request in server.seen] == [
        {"command": "echo hello"}, {"command": "echo hello"}, "wait",
    ]  # fmt: skip
    assert '#2 from "a.yml"' in err and '#1 from "b.json"' in err
    assert len({request.document["uuid"] for request in server.seen}) == 3


def test_what_stands_before_a_mistake_is_uploaded(upload, server):
    status, _, err = upload(stdin=STEPS + b"---\nsteps: [\n")
    assert status == 1 and len(server.seen) == 1
    assert 'pipeline parsing of "(stdin)" failed: line 4, column 8: expected a closing "]"' in err


def test_the_one_file_in_a_usual_place_is_found(upload, server, tmp_path):
    status, _, err = upload()
    assert status == 1 and "could not find a default pipeline configuration file" in err
    (tmp_path / ".buildkite").mkdir()
    (tmp_path / ".buildkite" / "pipeline.yaml").write_bytes(STEPS)
    status, _, err = upload()
    assert status == 0 and 'Found config file ".buildkite/pipeline.yaml"' in err and len(server.seen) == 1
    (tmp_path / "buildkite.yml").write_bytes(STEPS)
    status, _, err = upload()
    assert status == 1 and "multiple configuration files: buildkite.yml, .buildkite/pipeline.yaml" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("none.yml",), 'cannot read the pipeline file "none.yml": No such file'),
        (("empty.yml",), 'pipeline file "empty.yml" is empty'),
        (("folder",), 'cannot read the pipeline file "folder"'),
        (("--dry-run", "--format", "xml", "a.yml"), 'format must be json or yaml, not "xml" (flag --format)'),
        (
            ("--jwks-file", "keys.json", "a.yml"),
            "couldn't read the signing key file: cannot read keys.json: No such file",
        ),
        (("null.yml",), 'pipeline parsing of "null.yml" failed: a pipeline must be a mapping'),
        (("required.yml",), 'pipeline interpolation of "required.yml" failed: interpolating command: $NONE: is wanted'),
    ],
)
def test_what_is_wrong_is_said_and_nothing_uploaded(upload, server, tmp_path, words, message):
    (tmp_path / "empty.yml").write_bytes(b"")
    (tmp_path / "null.yml").write_bytes(b"~\n")
    (tmp_path / "a.yml").write_bytes(STEPS)
    (tmp_path / "required.yml").write_bytes(b"steps: [{command: '${NONE?is wanted}'}]")
    (tmp_path / "folder").mkdir()
    status, out, err = upload(*words)
    assert (status, out) == (1, "") and message in err and not server.seen


def test_a_job_or_a_dry_run_is_needed(upload, server):
    status, _, err = upload(stdin=STEPS, env={"BUILDKITE_JOB_ID": None})
    assert status == 1 and "missing job parameter" in err
    status, out, _ = upload("--dry-run", stdin=STEPS, env={"BUILDKITE_JOB_ID": None})
    assert status == 0 and json.loads(out)["steps"] and not server.seen
    status, _, err = upload("--dry-run", stdin=STEPS, env={"BUILDKITE_AGENT_ACCESS_TOKEN": None})
    assert status == 1 and "Missing agent-access-token" in err


def test_nothing_in_nothing_out(upload, server):
    assert upload(stdin=b"")[:2] == (0, "")
    assert upload(stdin=b"# only a comment\n")[:2] == (0, "")
    assert not server.seen


def test_the_forms_of_a_dry_run(upload):
    text = b'steps: [{command: "a <b>\\n&& c\\n", label: "1"}, wait]\nenv: {A: 1}\n'
    _, out, _ = upload("--dry-run", stdin=text)
    assert out == (
        '{\n  "env": {\n    "A": "1"\n  },\n  "steps": [\n    {\n'
        '      "command": "a \\u003cb\\u003e\\n\\u0026\\u0026 c\\n",\n      "label": "1"\n    },\n    "wait"\n  ]\n}\n'
    )
    _, out, _ = upload("--dry-run", "--format", "yaml", stdin=text)
    assert out == (
        'steps:\n    - label: "1"\n      command: |\n        a <b>\n        && c\n    - wait\nenv:\n    A: "1"\n'
    )


def test_a_refusal_ends_with_the_servers_words(upload, server):
    server.routes[f"POST /v3/jobs/{JOB_ID}/pipelines"] = (422, {"message": "The key has already been used"})
    status, _, err = upload(stdin=STEPS)
    assert status == 1 and len(server.seen) == 1
    assert "Couldn't upload: " in err and "The key has already been used" in err


def test_an_upload_that_is_applied_later_is_waited_for(upload, server):
    def accept(request):
        path = f"/v3/jobs/{JOB_ID}/pipelines/{request.document['uuid']}"
        server.routes[f"GET {path}"] = [
            Answer(200, {"state": "processing"}, headers={"Retry-After": "0"}),
            Answer(200, {"state": "rejected", "message": "no such queue"}),
        ]
        return Answer(202, {}, headers={"Location": path, "Retry-After": "0"})

    server.routes[f"POST /v3/jobs/{JOB_ID}/pipelines"] = accept
    status, _, err = upload(stdin=STEPS)
    assert status == 1 and "rejected: no such queue" in err and len(server.seen) == 3


def test_the_commit_is_resolved_before_it_is_put_in(upload, tmp_path):
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "x")
    sha = git(tmp_path, "rev-parse", "HEAD")
    text = b"steps: [{command: '$BUILDKITE_COMMIT ${BUILDKITE_COMMIT:0:7}'}]"
    _, out, err = upload("--dry-run", stdin=text, env={"BUILDKITE_COMMIT": "HEAD"})
    assert json.loads(out)["steps"][0]["command"] == f"{sha} {sha[:7]}"
    assert f'Updating BUILDKITE_COMMIT to "{sha}"' in err
    _, out, err = upload("--dry-run", "--no-interpolation", stdin=text, env={"BUILDKITE_COMMIT": "HEAD"})
    assert json.loads(out)["steps"][0]["command"].startswith("$BUILDKITE_COMMIT") and "Updating" not in err


@pytest.mark.parametrize(
    ("words", "stdin", "messages"),
    [
        ((), STEPS, ["Reading pipeline config from STDIN"]),
        (("buildkite.yml", "buildkite.yml"), None, ["Reading pipeline configs from "]),
        ((), None, ["Searching for pipeline config...", "Found config file "]),
    ],
)
def test_what_is_read_is_said_before_the_commit_is_resolved(upload, tmp_path, words, stdin, messages):
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "x")
    (tmp_path / "buildkite.yml").write_bytes(STEPS)
    _, _, err = upload("--dry-run", *words, stdin=stdin, env={"BUILDKITE_COMMIT": "HEAD"})
    first, *others = (re.escape(message) for message in [*messages, "Updating BUILDKITE_COMMIT to "])
    assert re.match(rf".* INFO +{first}.*\n" + "".join(rf".* INFO +{other}.*\n" for other in others), err), err


@pytest.mark.parametrize("second", ["none.yml", "empty.yml"])
def test_nothing_is_uploaded_where_one_of_several_files_cannot_be_read(upload, server, tmp_path, second):
    (tmp_path / "a.yml").write_bytes(STEPS)
    (tmp_path / "empty.yml").write_bytes(b"")
    status, _, err = upload("a.yml", second, env={"BUILDKITE_COMMIT": "HEAD"})
    assert status == 1 and second in err and not server.seen
    assert "BUILDKITE_COMMIT" not in err


def test_a_commit_cannot_be_an_option_of_git(upload, tmp_path):
    text = b"steps: [{command: $BUILDKITE_COMMIT}]"
    _, out, err = upload("--dry-run", stdin=text, env={"BUILDKITE_COMMIT": "--help"})
    assert json.loads(out)["steps"][0]["command"] == "--help" and "WARN" in err


@pytest.fixture
def changed_repository(tmp_path):
    """A branch whose merge base with origin/main lacks src/new.go, grün.txt and an uncommitted change of kept.txt."""
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / "kept.txt").write_text("1")
    (tmp_path / "same.txt").write_text("1")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "base")
    git(tmp_path, "update-ref", "refs/remotes/origin/main", "HEAD")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "new.go").write_text("")
    (tmp_path / "gr\u00fcn.txt").write_text("")
    git(tmp_path, "add", "src", "gr\u00fcn.txt")
    git(tmp_path, "commit", "-q", "-m", "change")
    (tmp_path / "kept.txt").write_text("2")
    return tmp_path


def skipped(out):
    return [step["label"] for step in json.loads(out)["steps"] if "skip" in step]


LABELS = ("src/**", "kept.txt", "same.txt", "gr\u00fcn.txt", "lib/**")
BY_CHANGE = json.dumps(
    {"steps": [{"command": "x", "label": pattern, "if_changed": pattern} for pattern in LABELS]}
).encode()


def test_steps_are_skipped_by_what_git_says(upload, changed_repository):
    status, out, err = upload("--dry-run", stdin=BY_CHANGE)
    assert status == 0 and skipped(out) == ["same.txt", "lib/**"], err
    assert "if_changed" not in [key for step in json.loads(out)["steps"] for key in step]
    _, out, _ = upload("--dry-run", stdin=BY_CHANGE, env={"BUILDKITE_AGENT_APPLY_IF_CHANGED": "false"})
    assert skipped(out) == [] and "if_changed" not in [key for step in json.loads(out)["steps"] for key in step]


def test_on_the_base_itself_the_last_commit_counts(upload, changed_repository):
    git(changed_repository, "update-ref", "refs/remotes/origin/main", "HEAD")
    _, out, err = upload("--dry-run", stdin=BY_CHANGE)
    assert skipped(out) == ["kept.txt", "same.txt", "lib/**"] and err.count("WARN") == 2


def test_without_an_answer_of_git_nothing_is_skipped(upload, changed_repository):
    status, out, err = upload("--dry-run", "--git-diff-base", "origin/none", stdin=BY_CHANGE)
    assert status == 0 and skipped(out) == []
    assert err.count("Couldn't determine the changed files") == 1 and "git rev-parse" in err


def test_the_base_is_fetched_when_asked(upload, changed_repository, tmp_path_factory):
    remote = tmp_path_factory.mktemp("remote")
    git(remote, "clone", "-q", "--bare", str(changed_repository), ".")
    git(changed_repository, "remote", "add", "origin", str(remote))
    git(changed_repository, "update-ref", "-d", "refs/remotes/origin/main")
    _, out, _ = upload("--dry-run", "--fetch-diff-base", "--git-diff-base", "origin/main", stdin=BY_CHANGE)
    assert "kept.txt" in skipped(out)  # main of the remote is the commit itself, so its own files count


def test_secrets_are_warned_about_or_refused(upload, server):
    text = b"steps: [{command: login $MY_TOKEN}]"
    secret = {"MY_TOKEN": 'one "two"'}
    status, _, err = upload(stdin=text, env=secret)
    assert status == 0 and "[MY_TOKEN]" in err and "two" not in err
    status, out, err = upload("--dry-run", "--reject-secrets", stdin=text, env=secret)
    assert (status, out) == (1, "") and "environment variables: [MY_TOKEN], and cannot be uploaded" in err
    status, _, err = upload("--redacted-vars", "", "--reject-secrets", stdin=text, env=secret)
    assert status == 0, err


def test_the_short_path_is_not_taxed():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import bkagent.cli.commands.pipeline_upload;"
        "print([m for m in ('re', 'json', 'typing', 'dataclasses', 'subprocess') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, self_command.code_root()], capture_output=True, check=True, timeout=60
    )
    assert done.stdout.strip() == b"[]"
