"""What a job names as secret while it runs is kept out of all it tells the control plane, not out of its log alone."""

SECRET = "correct horse battery"


def test_values_added_while_a_job_runs_stay_out_of_annotations_and_meta_data(plane, start):
    lines = (
        'S="correct horse"; S="$S battery"',
        'printf %s "$S" | buildkite-agent redactor add',
        'buildkite-agent annotate "it is $S, in base64 $(printf %s "$S" | base64)" --context "$S"',
        'buildkite-agent meta-data set k "<$S>"',
        "buildkite-agent meta-data get k",
    )
    job = plane.add_job("\n".join(lines))
    agent = start("--disconnect-after-job")
    assert agent.wait() == 0, agent.said
    assert job.finish["exit_status"] == "0", job.text
    (annotation,) = plane.annotations
    assert annotation["body"] == "it is [REDACTED], in base64 [REDACTED]"
    assert annotation["context"] == SECRET  # a name, by which the annotation is found again
    assert plane.meta_data == {"k": "<[REDACTED]>"}
    assert SECRET not in job.text


def test_a_pipeline_keeps_to_the_rule_of_its_own(plane, start):
    lines = (
        'S="correct horse"; S="$S battery"',
        'printf %s "$S" | buildkite-agent redactor add',
        "printf 'steps: [{command: \"echo %s\"}]' \"$S\" | buildkite-agent pipeline upload",
    )
    job = plane.add_job("\n".join(lines))
    assert start("--disconnect-after-job").wait() == 0
    assert job.finish["exit_status"] == "0", job.text
    assert SECRET in str(plane.pipelines)
