"""`env get`, `env set`, `env unset`, `env dump` and `redactor add` against a job's real local socket."""

import json
import sys

import pytest


def out(done):
    return done.stdout.decode("utf-8")


def test_one_name_prints_the_bare_value(job):
    assert out(job.run("env", "get", "ONE")) == "1\n"
    assert out(job.run("env", "get", "GREEN", env={"LANG": "C", "LC_ALL": "C"})) == "gr\u00fcn\n"


def test_several_names_print_sorted_pairs(job):
    assert out(job.run("env", "get", "TWO", "ONE")) == 'ONE=1\nTWO=line "a"\nb\n'


def test_no_name_prints_everything(job):
    assert out(job.run("env", "get")) == 'GREEN=gr\u00fcn\nONE=1\nTWO=line "a"\nb\n'


def test_a_missing_name_is_named_and_the_others_are_printed(job):
    done = job.run("env", "get", "ONE", "NONE", expect=1)
    assert out(done) == "ONE=1\n"
    assert b'"NONE" is not set' in done.stderr and b"fatal" not in done.stderr


def test_json_forms(job):
    assert out(job.run("env", "get", "--format", "json", "TWO", "ONE")) == '{"ONE":"1","TWO":"line \\"a\\"\\nb"}\n'
    assert out(job.run("env", "get", "GREEN", "--format", "json")) == '{"GREEN":"gr\u00fcn"}\n'
    assert (
        out(job.run("env", "get", "ONE", env={"BUILDKITE_AGENT_ENV_GET_FORMAT": "json-pretty"}))
        == '{\n  "ONE": "1"\n}\n'
    )


def test_an_unknown_form_is_an_error_that_does_not_fail(job):
    done = job.run("env", "get", "--format", "odd", "ONE")
    assert out(done) == "" and b'"odd"' in done.stderr


def test_set_and_unset_tell_what_has_changed(job):
    assert out(job.run("env", "set", "NEW=a=b", "ONE=2", "EMPTY=")) == "Added:\n+ EMPTY\n+ NEW\nUpdated:\n~ ONE\n"
    assert job.state.variables["NEW"] == "a=b" and job.state.variables["EMPTY"] == ""
    assert out(job.run("env", "unset", "NEW", "NONE")) == "Unset:\n- NEW\n"
    assert "NEW" not in job.state.variables
    assert out(job.run("env", "unset", "NEW")) == "No variables unset.\n"
    assert out(job.run("env", "set")) == "No variables added or updated.\n"


def test_assignments_from_standard_input(job):
    job.run("env", "set", "-", "LAST=3", stdin="A=1\r\nGREEN=bl\u00e5\n".encode())
    assert (job.state.variables["A"], job.state.variables["GREEN"], job.state.variables["LAST"]) == (
        "1",
        "bl\u00e5",
        "3",
    )
    job.run("env", "unset", "-", stdin=b"A\nLAST")
    assert "A" not in job.state.variables and "LAST" not in job.state.variables


def test_json_assignments(job):
    job.run("env", "set", "--input-format", "json", "-", stdin=b'{"A": "x\\ny", "B": null}\n')
    assert (job.state.variables["A"], job.state.variables["B"]) == ("x\ny", "")
    assert out(job.run("env", "set", "--output-format", "json", "A=2")) == '{"added":[],"updated":["A"]}\n'
    assert out(job.run("env", "unset", "--output-format", "json-pretty", "A")) == '[\n  "A"\n]\n'
    assert out(job.run("env", "set", "--output-format", "quiet", "A=2")) == ""
    job.run("env", "unset", "--input-format", "json", '["A", "B"]')
    assert "A" not in job.state.variables


@pytest.mark.parametrize(
    "words, stdin, says",
    [
        (["set", "A=1", "NOEQUALS"], None, b'couldn\'t parse the command-line argument "NOEQUALS"'),
        (["set", "=x"], None, b'"=x" is not in key=value format'),
        (["set", "-", "--input-format", "json"], b"{bad\n", b"couldn't parse input line 1: "),
        (["set", "--input-format", "json", '{"A": 1}'], None, b'the value of "A" must be a string'),
        (["set", "--input-format", "json", "[]"], None, b"must be a JSON object"),
        (
            ["set", "--input-format", "odd", "A=1"],
            None,
            b'input-format must be plain or json, not "odd" (flag --input-format)',
        ),
        (["set", "--output-format", "odd", "A=1"], None, b"output-format must be quiet, plain, json or json-pretty"),
        (["unset", "--input-format", "json", '{"A": 1}'], None, b"must be a JSON array"),
        (["unset", "--output-format", "odd", "A"], None, b"output-format must be quiet, plain, json or json-pretty"),
    ],
)
def test_bad_input_changes_nothing(job, words, stdin, says):
    before = job.state.env()
    done = job.run("env", *words, stdin=stdin, expect=1)
    assert says in done.stderr and out(done) == ""
    assert job.state.env() == before


def test_protected_variables_are_refused_with_the_services_words(job):
    done = job.run("env", "set", "A=1", "BUILDKITE_AGENT_PID=1", expect=1)
    assert b"couldn't update the job executor environment: API status 422" in done.stderr
    assert b"[BUILDKITE_AGENT_PID]" in done.stderr
    assert "A" not in job.state.variables
    assert b"API status 422" in job.run("env", "unset", "BUILDKITE_AGENT_PID", expect=1).stderr


@pytest.mark.parametrize("words", [["get"], ["set", "A=1"], ["unset", "A"]])
def test_outside_a_job_the_missing_variable_is_named(outside, words):
    assert b"BUILDKITE_AGENT_JOB_API_SOCKET empty or undefined" in outside.run("env", *words, expect=1).stderr


def test_a_socket_that_is_gone_and_a_wrong_token_are_told_apart(job):
    done = job.run("env", "get", env={"BUILDKITE_AGENT_JOB_API_SOCKET": "/nowhere/x.sock"}, expect=1)
    assert b"/nowhere/x.sock" in done.stderr
    assert b"401" in job.run("env", "get", env={"BUILDKITE_AGENT_JOB_API_TOKEN": "wrong"}, expect=1).stderr


def test_dump_prints_this_process(outside):
    done = outside.run("env", "dump", env={"Z": "\u2603", "A": 'q"'})
    found = json.loads(done.stdout)
    assert list(found) == sorted(found)
    assert (found["Z"], found["A"]) == ("\u2603", 'q"')
    assert out(done).count("\n") == 1 and "\u2603" in out(done)
    assert out(outside.run("env", "dump", "--format", "json-pretty")).startswith('{\n  "')


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells what a process started with")
def test_what_python_adds_to_the_environment_is_not_in_a_dump(outside):
    bare = {"LC_ALL": None, "LANG": None, "LC_CTYPE": None}
    assert "LC_CTYPE" not in json.loads(outside.run("env", "dump", env=bare).stdout)
    found = json.loads(outside.run("env", "dump", env={**bare, "LC_CTYPE": "C.UTF-8"}).stdout)
    assert found["LC_CTYPE"] == "C.UTF-8"


def test_a_secret_from_standard_input_or_a_file(job, tmp_path):
    job.run("redactor", "add", stdin=b"  secret one\n\n")
    (tmp_path / "secret").write_bytes(b"line 1\nline 2\n")
    done = job.run("redactor", "add", str(tmp_path / "secret"))
    assert job.state.secrets == ["secret one", "line 1\nline 2"]
    assert done.stdout == b"" and b"line 1" not in done.stderr


def test_secrets_from_json(job):
    job.run("redactor", "add", "--format", "json", stdin=b'{"A": "aaaaaa", "B_TOKEN": "bbbbbb", "C_TOKEN": "short"}')
    assert job.state.secrets == ["aaaaaa", "bbbbbb", "short"]
    job.state.secrets.clear()
    job.run(
        "redactor",
        "add",
        "--format=json",
        "--apply-vars-filter",
        stdin=b'{"A": "aaaaaa", "B_TOKEN": "bbbbbb", "C_TOKEN": "c"}',
    )
    assert job.state.secrets == ["bbbbbb"]


@pytest.mark.parametrize("text", [b"hunter2 is no json", b'["hunter2"]', b'{"a": {"b": "hunter2"}}'])
def test_secrets_that_do_not_parse_are_not_quoted(job, text):
    done = job.run("redactor", "add", "--format", "json", stdin=text, expect=1)
    assert b"failed to parse secrets" in done.stderr and b"hunter2" not in done.stderr
    assert not job.state.secrets


def test_redactor_add_says_what_is_missing(outside, tmp_path, job):
    assert b"failed to read secrets" in job.run("redactor", "add", str(tmp_path / "none"), expect=1).stderr
    del outside.environ["BUILDKITE_AGENT_JOB_API_SOCKET"]
    assert b"failed to create Job API client" in outside.run("redactor", "add", stdin=b"x", expect=1).stderr
    assert b'"odd"' in outside.run("redactor", "add", "--format", "odd", stdin=b"x", expect=1).stderr
