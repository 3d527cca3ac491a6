"""`bkagent local run` as a developer runs it: a repository, a pipeline, the terminal, Ctrl-C."""

import os
import re
import signal
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from tests.fakes.installed_archive import program_of
from tests.whole.browser import Browser
from tests.whole.running import Done, Repository, Running, bkagent, environment, processes_with, wait_until

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
Make = Callable[..., Repository]
# Ends when the file exists that stands behind it.
UNTIL = "while ! test -e"


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Return a function that makes the test's repository from a pipeline and files."""
    return lambda pipeline="", **files: Repository(tmp_path / "work", pipeline, files.get("files"))


@pytest.fixture
def run(archive: str, tmp_path: Path) -> Callable[..., Done]:
    """Return a function that runs `local run` in the test's repository to its end."""
    return lambda *words, **more: bkagent(archive, "local", "run", *words, cwd=tmp_path / "work", **more)


@pytest.fixture
def begin(archive: str, tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Return a function that starts `local run` and leaves it running; all have ended when the test has."""
    started = []

    def start(*words: str, **more: Any) -> Running:
        argv = [*program_of(archive), "local", "run", *words]
        started.append(Running(argv, tmp_path / "work", tmp_path / f"said-{len(started)}", **more))
        return started[-1]

    yield start
    for running in started:
        running.__exit__()


def row(done: Done, step: str) -> str:
    """Return a step's line of the table at the end."""
    table = done.out[done.out.rindex("STEP ") :].splitlines()
    (line,) = [line for line in table if line.startswith(step + "  ")]
    return line


def test_a_build_that_passes(make: Make, run: Callable[..., Done]) -> None:
    work = make("steps:\n  - label: Say hello\n    command: echo hello-$$((20+3))\n")
    done = run()
    assert done.status == 0, done.text
    assert done.out.splitlines()[0].startswith("Running .buildkite/pipeline.yml of ")
    assert "\nhello-23\n" in done.out and done.err == ""
    assert re.search(r"^Say hello  passed  +\d+\.\d s +\.bkagent/logs/1/01-say-hello\.log$", done.out, re.M)
    assert "\nhello-23\n" in work.log("say-hello")
    assert work.git("status", "--porcelain") == ""
    assert run().status == 0 and "\nhello-23\n" in work.log("say-hello", 2)


def test_the_first_failure_by_finish_time_decides(make: Make, run: Callable[..., Done]) -> None:
    make("""steps:
  - {label: later, command: exit 5, depends_on: [{step: sooner, allow_failure: true}]}
  - {label: sooner, key: sooner, command: exit 3}
  - {label: soft, command: exit 7, soft_fail: true}
  - wait
  - {label: after, command: echo never}
  - wait: ~
    continue_on_failure: true
  - {label: later still, command: echo never}
""")
    done = run()
    assert done.status == 3, done.text
    assert "failed (3)" in row(done, "sooner") and "failed (5)" in row(done, "later")
    assert "soft failed (7)" in row(done, "soft")
    assert "not run: an earlier step failed" in row(done, "after") and "never\n" not in done.out
    # A plain wait that failed holds back everything behind it, waits that would go on included.
    assert "not run: an earlier step failed" in row(done, "later still")


def test_a_wait_that_goes_on_after_a_failure(make: Make, run: Callable[..., Done]) -> None:
    make("""steps:
  - {label: bad, command: exit 6}
  - wait: ~
    continue_on_failure: true
  - {label: tidy, command: echo tidied-$$((1+1))}
""")
    done = run()
    assert done.status == 6 and "tidied-2\n" in done.out and "passed" in row(done, "tidy"), done.text


def test_soft_failures_fail_nothing(make: Make, run: Callable[..., Done]) -> None:
    make("""steps:
  - {label: soft, command: exit 7, soft_fail: [{exit_status: 7}]}
  - wait
  - {label: after, command: echo after-$$((1+1))}
""")
    done = run()
    assert done.status == 0 and "after-2\n" in done.out, done.text


def test_a_soft_fail_for_another_status_is_a_failure(make: Make, run: Callable[..., Done]) -> None:
    make("steps: [{label: hard, command: exit 8, soft_fail: [{exit_status: 7}]}]")
    assert run().status == 8


def test_a_command_that_a_signal_ended_shows_as_255(make: Make, run: Callable[..., Done]) -> None:
    make("steps: [{label: killed, command: 'kill -KILL $$$$'}]")
    done = run()
    assert done.status == 255 and "failed" in row(done, "killed"), done.text


def test_conditions_parallelism_and_dependencies(make: Make, run: Callable[..., Done], tmp_path: Path) -> None:
    work = make("""steps:
  - {label: last, command: 'test -e "$$PLACE/first" && echo in-order', depends_on: first}
  - {label: first, key: first, command: 'touch "$$PLACE/first"'}
  - {label: unwanted, command: exit 1, if: build.branch == "nowhere"}
  - {label: wanted, command: 'true', if: build.env("FLAG") == "on"}
  - {label: piece, command: 'echo piece-$$BUILDKITE_PARALLEL_JOB-of-$$BUILDKITE_PARALLEL_JOB_COUNT', parallelism: 3}
""")
    done = run("--env", f"PLACE={tmp_path}", "--env", "FLAG=on")
    assert done.status == 0, done.text
    assert "in-order\n" in work.log("last")
    assert "not run: its `if` is false" in row(done, "unwanted") and "passed" in row(done, "wanted")
    for number in range(3):
        assert f"piece-{number}-of-3\n" in work.log(f"piece-{number + 1}-3")


def test_uploaded_steps_run_and_their_failure_counts(make: Make, run: Callable[..., Done]) -> None:
    work = make(
        "steps:\n  - label: start\n    command: buildkite-agent pipeline upload more.yml\n"
        "  - wait\n  - {label: end, command: echo end}\n",
        files={"more.yml": "steps:\n  - {label: added $WHO, command: exit 4}\n"},
    )
    done = run("--env", "WHO=here")
    assert done.status == 4, done.text
    assert "failed (4)" in row(done, "added here") and "not run" in row(done, "end")
    assert "Found config file" in work.log("start") or "pipeline" in work.log("start").lower()


def test_what_jobs_leave_is_kept(make: Make, run: Callable[..., Done], tmp_path: Path) -> None:
    work = make(
        """steps:
  - label: give
    command:
      - mkdir -p out && printf 'some bytes' > out/file.txt
      - buildkite-agent artifact upload 'out/*'
      - buildkite-agent meta-data set colour green
      - echo noted | buildkite-agent annotate --context note
    artifact_paths: more.txt
  - wait
  - label: take
    command:
      - mkdir got
      - buildkite-agent artifact download 'out/file.txt' got/
      - test "$$(cat got/out/file.txt)" = "some bytes"
      - test "$$(bkagent meta-data get colour)" = green
""",
        files={"more.txt": "more"},
    )
    done = run()
    assert done.status == 0, done.text
    kept = work.folder / ".bkagent" / "artifacts" / "1"
    assert (kept / "out" / "file.txt").read_text() == "some bytes" and (kept / "more.txt").read_text() == "more"
    assert "2 artifacts in .bkagent/artifacts/1" in done.out
    elsewhere = run("--data", str(tmp_path / "kept elsewhere"))
    assert elsewhere.status == 0, elsewhere.text
    assert (tmp_path / "kept elsewhere" / "artifacts" / "1" / "more.txt").read_text() == "more"
    assert not (work.folder / ".bkagent" / "logs" / "2").exists()


def test_what_is_on_disk_is_run(make: Make, run: Callable[..., Done]) -> None:
    show = 'for name in changed new ignored; do echo "<$$name $$(cat $$name 2>&1 | tail -n 1)>"; done'
    work = make(f"steps:\n  - label: show\n    command: |\n      {show}\n", files={
        "changed": "old", ".gitignore": "ignored\n",
    })  # fmt: skip
    for name in ("changed", "new", "ignored"):
        work.write(name, "on disk")
    before = work.git("status", "--porcelain")
    done = run()
    assert done.status == 0, done.text
    log = work.log("show")
    assert "<changed on disk>" in log and "<new on disk>" in log and "<ignored on disk>" not in log
    assert "2 files differ" in done.out.splitlines()[1]
    assert work.git("status", "--porcelain") == before
    committed = run("--committed")
    log = work.log("show", 2)
    assert "<changed old>" in log and "on disk>" not in log
    assert "--committed" in committed.out.splitlines()[1]


def test_submodules_are_run_as_they_are_on_disk(make: Make, run: Callable[..., Done], tmp_path: Path) -> None:
    library = Repository(tmp_path / "lib", files={"file": "committed"})
    show = "cat lib/file nested/file; git -C lib status --porcelain; git submodule status"
    work = make(f"steps:\n  - label: show\n    command: |\n      {show}\n")
    work.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library.folder), "lib")
    Repository(work.folder / "nested", files={"file": "<nested>\n"})
    for number, text in enumerate(("<edited>\n", "<edited again>\n"), 1):
        work.write("lib/file", text)
        done = run()
        assert done.status == 0, done.text
        said = "Submodules and repositories inside it also run as they are on disk: lib, nested"
        assert said in done.out.splitlines()
        log = work.log("show", number)
        assert text.strip() in log and "<nested>" in log and "Retrying" not in log


@pytest.mark.skipif(not os.path.isdir("/dev/fd"), reason="needs a shell's <(...)")
def test_a_file_is_named_as_it_was_given(make: Make, run: Callable[..., Done]) -> None:
    make("steps: [{command: exit 1}]")
    done = run("/dev/fd/0", stdin="steps: [{command: 'true'}]")
    assert done.status == 0, done.text
    assert done.out.startswith("Running /dev/fd/0 of ")
    assert run("none/../none.yml").text.startswith('bkagent: fatal: cannot read the pipeline file "none/../none.yml": ')


def test_one_step_of_a_file_of_ones_own(make: Make, run: Callable[..., Done]) -> None:
    work = make("steps: [{command: exit 1}]", files={
        "ci/mine.yml": "env: {WORD: file}\nsteps:\n  - {key: no, label: no, command: exit 1}\n"
        "  - {key: 'yes', label: 'yes', command: 'echo it-$$WORD-${WORD}', depends_on: 'no'}\n",
    })  # fmt: skip
    done = run("--step", "yes", "--env", "WORD=flag", "ci/mine.yml")
    assert done.status == 0, done.text
    assert "Running ci/mine.yml of " in done.out and "it-" in work.log("yes")
    assert not re.search(r"^no  ", done.out, re.M)


def test_variables_of_the_build_reach_steps_and_jobs(make: Make, run: Callable[..., Done]) -> None:
    work = make("steps: [{label: 'for ${WHO}', command: 'echo job-$$WHO-${WHO}'}]")
    assert run("--env", "WHO=ann").status == 0
    assert "job-ann-ann\n" in work.log("for-ann")


def test_lines_carry_the_jobs_name_while_jobs_overlap(
    make: Make, begin: Callable[..., Running], tmp_path: Path
) -> None:
    make(f"""steps:
  - {{label: left, command: 'echo out-$$((1+1)); {UNTIL} "$$PLACE/go"; do sleep 0.02; done'}}
  - {{label: right, command: 'echo out-$$((1+2)); {UNTIL} "$$PLACE/go"; do sleep 0.02; done'}}
  - wait
  - {{label: alone, command: 'echo out-$$((1+3))'}}
""")
    running = begin("--agents", "2", "--env", f"PLACE={tmp_path}")
    assert running.wait_said("\nleft | out-2\n") and running.wait_said("\nright | out-3\n"), running.said
    (tmp_path / "go").touch()
    assert running.wait() == 0 and "\nout-4\n" in running.said, running.said


def test_one_agent_runs_one_job_at_a_time(make: Make, run: Callable[..., Done], tmp_path: Path) -> None:
    alone = 'mkdir "$$PLACE/busy" && sleep 0.2 && rmdir "$$PLACE/busy"'
    make(f"steps:\n  - {{label: piece, parallelism: 3, command: '{alone}'}}\n")
    done = run("--agents", "1", "--env", f"PLACE={tmp_path}")
    assert done.status == 0 and " | " not in done.out, done.text


def test_an_interrupt_cancels_properly(make: Make, begin: Callable[..., Running], tmp_path: Path) -> None:
    work = make(
        """steps:
  - label: long
    command: |
      trap 'echo asked-$$((1+1)); exit 9' TERM
      sleep 600 &
      echo ready-$$((1+1))
      while :; do sleep 0.05; done
  - wait
  - {label: never, command: echo never}
""",
        files={".buildkite/hooks/pre-exit": "#!/bin/sh\necho tidying-$((1+1))\n"},
    )
    mark = uuid.uuid4().hex
    running = begin(env={"RUN_MARK": mark})
    assert running.wait_said("ready-2"), running.said
    assert processes_with("RUN_MARK", mark)
    running.signal(signal.SIGINT)
    assert running.wait() == 130, running.said
    assert "asked-2" in running.said and "tidying-2" in running.said and "Traceback" not in running.said
    assert re.search(r"^long  +cancell?ed", running.said, re.M) or re.search(r"^long  +failed", running.said, re.M)
    assert "asked-2" in work.log("long")
    assert wait_until(lambda: processes_with("RUN_MARK", mark) == [])  # what was killed dies a moment later


def test_a_second_interrupt_kills_at_once(make: Make, begin: Callable[..., Running], tmp_path: Path) -> None:
    make("""steps:
  - label: stubborn
    command: |
      trap '' TERM INT
      echo ready-$$((1+1))
      while :; do sleep 0.1; echo >> "$$PLACE/ticks"; done
""")
    mark, ticks = uuid.uuid4().hex, tmp_path / "ticks"
    running = begin("--env", f"PLACE={tmp_path}", env={"RUN_MARK": mark})
    assert running.wait_said("ready-2") and wait_until(ticks.exists), running.said
    running.signal(signal.SIGINT)
    assert running.wait_said("Interrupted"), running.said
    before = ticks.stat().st_size
    assert wait_until(lambda: ticks.stat().st_size > before + 5), "the job has ended without being killed"
    before = ticks.stat().st_size
    running.signal(signal.SIGINT)
    assert running.wait() == 130, running.said
    # Ten ticks a second at most: far fewer than the grace of nine seconds would allow.
    assert ticks.stat().st_size < before + 60, running.said
    assert re.search(r"^stubborn  +canceled  ", running.said, re.M), running.said
    assert "Traceback" not in running.said and wait_until(lambda: processes_with("RUN_MARK", mark) == [])


def test_a_second_run_in_one_repository_says_so(
    make: Make, run: Callable[..., Done], begin: Callable[..., Running], tmp_path: Path
) -> None:
    make(f"""steps: [{{command: 'echo ready-$$((1+1)); {UNTIL} "$$PLACE/go"; do sleep 0.02; done'}}]""")
    first = begin("--env", f"PLACE={tmp_path}")
    assert first.wait_said("ready-2"), first.said
    second = run()
    assert second.status == 1 and second.out == "" and "another local run is using" in second.err
    assert len(second.err.splitlines()) == 1
    (tmp_path / "go").touch()
    assert first.wait() == 0, first.said


def test_a_checkout_elsewhere_runs_it(make: Make, tmp_path: Path) -> None:
    work = make("steps: [{label: in, command: 'buildkite-agent meta-data set a b && bkagent meta-data get a'}]")
    done = subprocess.run(
        [sys.executable, "-m", "bkagent", "local", "run"], cwd=str(work.folder), stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, env=environment({"PYTHONPATH": TOP, "PYTHONDONTWRITEBYTECODE": "1"}), timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout.decode()
    assert "\nb\n" in work.log("in")


def test_it_runs_inside_a_job(make: Make, run: Callable[..., Done]) -> None:
    make("steps: [{label: in, command: 'test \"$$BUILDKITE_PIPELINE_SLUG\" = work'}]")
    outer = {"BUILDKITE": "true", "BUILDKITE_PIPELINE_SLUG": "outer", "BUILDKITE_JOB_ID": "x", "BUILDKITE_COMMAND": "y"}
    done = run(env=outer)
    assert done.status == 0, done.text


def test_a_hostile_label_cannot_steer_the_terminal(make: Make, run: Callable[..., Done]) -> None:
    make('steps: [{label: "bad \\e]0;owned\\a label", command: "printf \'\\\\033]0;owned\\\\007x\\\\n\'"}]')
    done = run()
    assert done.status == 0 and "\x1b" not in done.out and "\x07" not in done.out, repr(done.out)


def test_a_detached_head_is_said_as_what_it_is(make: Make, run: Callable[..., Done], tmp_path: Path) -> None:
    make("steps: [{label: in, command: 'echo branch-$$BUILDKITE_BRANCH-$$((1+1))'}]")
    subprocess.run(["git", "checkout", "-q", "--detach"], cwd=str(tmp_path / "work"), check=True)
    done = run()
    assert done.status == 0 and "\nbranch-HEAD-2\n" in done.out, done.text
    first = done.out.splitlines()[0]
    assert "on no branch (HEAD is detached at " in first and "branch HEAD" not in first


REFUSED_UPLOADS = (
    ("steps: [{block: go}]", "block steps wait for a person"),
    ("steps: [{input: go, fields: [{text: a, key: b}]}]", "input steps wait for a person"),
    ("steps: [{group: g, steps: [{block: go}]}]", "block steps wait for a person"),
    ("steps: [{command: x, lable: y}]", 'did you mean "label"?'),
    ("steps: [{comand: x}]", 'did you mean "command" by "comand"?'),
    ("steps: [{label: x, command: ''}]", "missing command"),
    ("steps: [{command: x, key: a, depends_on: b}, {command: x, key: b, depends_on: a}]", "forms a cycle"),
    ("steps: [{command: x, key: up-0}]", "has already been used"),
    ("steps: [{trigger: other}]", "trigger steps are not supported"),
    ("steps: [{command: x, if: 'bad ('}]", "the condition `bad (` is invalid"),
)


def test_what_an_upload_asks_in_vain_is_refused_and_holds_nothing_up(make: Make, run: Callable[..., Done]) -> None:
    files = {f"up-{number}.yml": uploaded for number, (uploaded, _) in enumerate(REFUSED_UPLOADS)}
    step = "  - {label: up-NUMBER, key: up-NUMBER, command: buildkite-agent pipeline upload up-NUMBER.yml}\n"
    steps = "".join(step.replace("NUMBER", str(number)) for number in range(len(files)))
    work = make(f"steps:\n{steps}  - wait\n  - {{command: 'true'}}\n", files=files)
    done = run()
    assert done.status == 1 and "Traceback" not in done.text, done.text
    for number, (uploaded, said) in enumerate(REFUSED_UPLOADS):
        assert said in work.log(f"up-{number}"), uploaded
        assert row(done, f"up-{number}").split()[1:3] == ["failed", "(1)"]
    assert row(done, "true").split()[1:3] == ["not", "run:"]


def test_an_uploaded_dependency_on_nothing_ends_the_build(make: Make, run: Callable[..., Done]) -> None:
    make(
        "steps: [{label: up, command: buildkite-agent pipeline upload up.yml}]",
        files={"up.yml": "steps: [{label: late, command: 'true', depends_on: nosuch}]"},
    )
    done = run()
    assert done.status == 1 and "a dependency does not exist" in row(done, "late"), done.text


def test_annotations_are_told_of_at_the_end(make: Make, run: Callable[..., Done]) -> None:
    make("""steps:
  - label: notes
    command: |
      buildkite-agent annotate --style error --context tests '<h2 class="x">Three &amp; more</h2><p>failed</p>'
      printf '\\n\\n## A \\033]0;title\\007heading\\nmore\\n' | buildkite-agent annotate
""")
    done = run()
    table = done.out[done.out.rindex("STEP ") :]
    assert done.status == 0 and "\n2 annotations:\n" in table and "\x1b" not in table, done.text
    assert "\n  error, tests: Three & more failed\n" in table.replace("  failed", " failed").replace("   ", " ")
    assert re.search(r"\n  default, default: A .*heading\n", table) and "more\n" not in table.split("heading")[1]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal of POSIX")
def test_a_terminal_gets_a_link_to_the_pages_that_works_as_long_as_the_run(
    make: Make, archive: str, tmp_path: Path
) -> None:
    make(f"steps: [{{label: waits, command: '{UNTIL} {tmp_path}/go; do sleep 0.02; done'}}]")
    above, below = os.openpty()
    argv = [sys.executable, archive, "local", "run"]
    process = subprocess.Popen(
        argv, cwd=str(tmp_path / "work"), env=environment(), stdin=subprocess.DEVNULL, stdout=below,
        stderr=subprocess.STDOUT,
    )  # fmt: skip
    os.close(below)
    with os.fdopen(above, "rb") as terminal:
        link = next(re.search(r"^Build 1: (http://\S+)", line.decode()) for line in terminal if b"Build 1: " in line)
        assert link
        for _ in range(2):
            browser = Browser(link[1].partition("/-/")[0])
            answer = browser.ask(link[1])
            assert (answer.status, answer.headers["location"]) == (303, "/local/work/builds/1")
            assert "work #1" in browser.ask(answer.headers["location"]).text
        assert Browser(browser.url).ask("/local/work/builds/1").status == 401
        (tmp_path / "go").touch()
        try:
            assert all(b"token=" not in line for line in terminal)
        except OSError:
            pass  # what a terminal says whose other side has gone
    assert process.wait(60) == 0


def test_no_link_to_the_pages_is_printed_into_a_file(
    make: Make, begin: Callable[..., Running], archive: str, tmp_path: Path
) -> None:
    make(f"steps: [{{label: waits, command: '{UNTIL} {tmp_path}/go; do sleep 0.02; done'}}]")
    running = begin()
    assert running.wait_said("/builds/1\n"), running.said
    found = re.search(r"^Build 1: (http://127\.0\.0\.1:\d+)/local/work/builds/1$", running.said, re.M)
    assert found and "token=" not in running.said
    browser = Browser(found[1])
    assert browser.ask("/local/work/builds/1").status == 401
    asked = bkagent(archive, "server", "login-url", "--data", ".bkagent/store", cwd=tmp_path / "work")
    assert Browser(found[1]).ask(asked.out.strip()).status == 303, asked.text
    token = (tmp_path / "work/.bkagent/store/tokens/api").read_text().strip()
    assert browser.log_in(token).status == 303 and browser.ask("/local/work/builds/1").status == 200
    (tmp_path / "go").touch()
    assert running.wait() == 0 and "token=" not in running.said
