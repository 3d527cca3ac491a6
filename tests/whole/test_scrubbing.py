"""What a job names as secret while it runs is kept out of all it tells the control plane, not out of its log alone."""

from __future__ import annotations

from urllib.parse import unquote_plus

from tests.fakes.control_plane import FakeControlPlane
from tests.whole.running import Start

SECRET = "correct horse battery"
# Nothing of the secret stands in the script as a whole: what is looked for has to come from the commands.
NAME = ('S="correct horse"; S="$S battery"', 'printf %s "$S" | buildkite-agent redactor add')


def told(plane: FakeControlPlane) -> str:
    """Return all that requests said, with the escapes of their targets undone, but for the log's pieces."""
    return "\n".join(
        f"{request.call} {unquote_plus(request.path)} {request.query} {request.headers} "
        + request.body.decode("utf-8", "replace")
        for request in plane.requests
        if not request.path.endswith("/chunks")
    )


def test_no_field_of_any_request_has_what_a_job_named_as_secret(plane: FakeControlPlane, start: Start) -> None:
    lines = (
        *NAME,
        'buildkite-agent annotate "it is $S, in base64 $(printf %s "$S" | base64)" --context "for $S" --style "$S"',
        'buildkite-agent annotation remove --context "for $S"',
        'buildkite-agent meta-data set "k $S" "<$S>"',
        'test "$(buildkite-agent meta-data get "k $S")" = "<[REDACTED]>"',
        'buildkite-agent meta-data exists "k $S"',
        'buildkite-agent meta-data set-batch "b $S=v $S"',
        'buildkite-agent job promise-failure 3 --reason "since $S" || true',
        'buildkite-agent step update "a $S" "v $S" --step s || true',
        'buildkite-agent job update "a $S" "v $S" || true',
        'buildkite-agent pause --note "because $S" || true',
        'buildkite-agent artifact search "*$S*" --allow-empty-results',
        'mkdir "in $S"; echo content > "in $S/of $S.txt"',
        'buildkite-agent artifact upload "in $S/*" --content-type "text/$S"',
    )
    job = plane.add_job("\n".join(lines), {"BUILDKITE_ARTIFACT_PATHS": "in*/*"})
    for broken in ("steps/s$", f"jobs/{job.id}$", "pause$", "promise_failure$"):
        plane.break_down(f"P(OST|UT) .*{broken}", 422)
    agent = start("--disconnect-after-job")
    assert agent.wait() == 0, agent.said
    assert job.finish["exit_status"] == "0", job.text
    (annotation,) = plane.annotations
    assert annotation["body"] == "it is [REDACTED], in base64 [REDACTED]"
    assert annotation["context"] == "for [REDACTED]" and annotation["style"] == "[REDACTED]"
    assert plane.meta_data == {"k [REDACTED]": "<[REDACTED]>", "b [REDACTED]": "v [REDACTED]"}
    paths = [
        artifact["path"]
        for request in plane.requests
        if request.method == "POST" and request.path.endswith("/artifacts")
        for artifact in request.document["artifacts"]
    ]
    assert paths == ["in [REDACTED]/of [REDACTED].txt"] * 2  # by the command, and by the job at its end
    (removal,) = [request for request in plane.requests if request.method == "DELETE"]
    assert unquote_plus(removal.path).endswith("/for [REDACTED]")
    forms = [request for request in plane.requests if request.path.endswith("form")]
    assert len(forms) == 2 and all(b"content" in form.body for form in forms)
    assert SECRET not in told(plane) and SECRET not in job.text


def test_pipelines_with_what_a_job_named_are_refused_when_asked(plane: FakeControlPlane, start: Start) -> None:
    text = 'printf \'steps: [{command: "echo %s"}]\' "$S" | buildkite-agent pipeline upload '
    job = plane.add_job("\n".join((*NAME, text + "|| exit 9", text + "--reject-secrets && exit 8", "exit 0")))
    agent = start("--disconnect-after-job")
    assert agent.wait() == 0, agent.said
    assert job.finish["exit_status"] == "0", job.text
    assert len(plane.pipelines) == 1 and SECRET in str(plane.pipelines)  # with a warning only
    assert "contains secrets that the job redacts (redactor add, secret get), which" in job.text
    assert "(redactor add, secret get), and cannot be uploaded" in job.text
