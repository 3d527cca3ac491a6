"""What must not be seen never reaches the file of the log."""

from tests.job.conftest import Place

_SECRET = "correct-horse-battery"


def test_values_of_secret_variables_are_redacted_in_output_and_in_our_own_lines(place: Place) -> None:
    place.hook("pre-command", 'echo "hook $DEPLOY_PASSWORD"')
    place.env["DEPLOY_PASSWORD"] = _SECRET
    ended = place.run(f"echo {_SECRET}; printf 'correct-horse'; sleep 0.1; printf -- '-battery\\n'")
    assert _SECRET.encode() not in ended.raw
    assert ended.has("hook [REDACTED]")
    assert ended.has("$ echo [REDACTED]; printf 'correct-horse'; sleep 0.1; printf -- '-battery\\n'")
    assert ended.lines.count("[REDACTED]") == 2


def test_a_secret_that_a_hook_brings_is_redacted_from_then_on(place: Place) -> None:
    place.hook("environment", f"export NEW_TOKEN={_SECRET[::-1]}")
    ended = place.run("echo $NEW_TOKEN")
    assert _SECRET[::-1].encode() not in ended.raw
    assert ended.has("[REDACTED]")


def test_a_secret_that_the_job_names_is_redacted_at_once(place: Place) -> None:
    ended = place.run(f"echo {_SECRET} | tr a-z b-za >secret; buildkite-agent redactor add secret; cat secret")
    shown = _SECRET.translate(str.maketrans("abcdefghijklmnopqrstuvwxyz", "bcdefghijklmnopqrstuvwxyza"))
    assert ended.status == 0, ended.lines
    assert shown.encode() not in ended.raw
    assert ended.has("[REDACTED]")


def test_the_tokens_of_the_job_are_redacted(place: Place) -> None:
    ended = place.run("echo $BUILDKITE_AGENT_JOB_API_TOKEN", {"BUILDKITE_AGENT_ACCESS_TOKEN": "access-token-1"})
    assert ended.has("[REDACTED]")


def test_short_values_are_named_and_left(place: Place) -> None:
    ended = place.run("echo abc", {"B_SECRET": "abc", "A_PASSWORD": "x"})
    assert ended.has("abc")
    assert any("will not be redacted: A_PASSWORD, B_SECRET. You can disable" in line for line in ended.lines)


def test_other_patterns_can_be_given(place: Place) -> None:
    ended = place.run("echo $MY_OTHER", {"MY_OTHER": _SECRET, "BUILDKITE_REDACTED_VARS": "*_OTHER"})
    assert _SECRET.encode() not in ended.raw


def test_a_job_that_asks_for_secrets_does_not_run_without_them(place: Place) -> None:
    ended = place.run("echo ran", {"BUILDKITE_SECRETS_CONFIG": '[{"key":"one","environment_variable":"ONE"}]'})
    assert ended.status == -1
    assert not ended.has("ran")
