"""Hooks of every kind, run by real shells: what they change, what they say, how they fail."""

import os
import shutil
import time

import pytest

from bkagent.hooks.run import Hook, HookFailed, run

# A shell that every test machine has, with and without a first line.
SHELLS = ["", "#!/bin/sh\n", "#!/usr/bin/env bash\n", "#!/bin/bash -e\n"]


def test_a_hook_adds_changes_and_unsets_variables(session, hook):
    session.env.update(KEPT="1", CHANGED="old", GONE="x")
    changes = run(session, hook("export ADDED=new CHANGED=other\nunset GONE\nKEPT=1\n"))
    assert changes.set == {"ADDED": "new", "CHANGED": "other"}
    assert changes.unset == ("GONE",)
    assert changes.directory == session.cwd


@pytest.mark.parametrize("shebang", SHELLS)
def test_each_shell_may_change_the_environment(session, hook, shebang):
    assert run(session, hook(shebang + "export A=1\n")).set == {"A": "1"}


@pytest.mark.skipif(not os.path.exists("/bin/dash"), reason="needs dash")
def test_a_dash_hook_without_execute_permission_is_sourced(session, hook):
    assert run(session, hook("#!/bin/dash\nexport A=1\n", mode=0o644)).set == {"A": "1"}


@pytest.mark.parametrize(
    "value", ["line\nline\n\n", "a=b=c", "'\"`$(x)\\", " \t ", "", "\u2603 \U0001f680", "=", "x" * 100_000]
)
def test_any_value_comes_back_as_it_is(session, hook, value):
    session.env["VALUE"] = value
    changes = run(session, hook('export COPY="$VALUE"\n'))
    assert changes.set == {"COPY": value}


def test_bytes_that_are_no_text_come_back_as_they_are(session, hook):
    changes = run(session, hook(b"export RAW=$'\\xff\\xfe'\n"))
    assert os.fsencode(changes.set["RAW"]) == b"\xff\xfe"


def test_an_exported_function_is_a_variable(session, hook):
    changes = run(session, hook("#!/bin/bash\ngreet() { echo hi; }\nexport -f greet\n"))
    assert list(changes.set) == ["BASH_FUNC_greet%%"]
    session.env.update(changes.set)
    assert run(session, hook("#!/bin/bash\nexport SAID=$(greet)\n")).set == {"SAID": "hi"}


def test_variables_that_are_not_exported_stay_with_the_hook(session, hook):
    assert run(session, hook("PRIVATE=1\n")).set == {}


def test_a_change_of_directory_is_told_with_what_the_shell_exports_for_it(session, hook):
    os.mkdir(os.path.join(session.cwd, "sub dir"))
    changes = run(session, hook("#!/bin/bash\ncd 'sub dir'\n"))
    assert changes.directory == os.path.join(session.cwd, "sub dir")
    assert changes.set == {"OLDPWD": session.cwd, "PWD": changes.directory}


def test_a_failing_hook_changes_nothing_and_keeps_its_status(session, hook):
    with pytest.raises(HookFailed) as failed:
        run(session, hook("export A=1\nexit 3\n"))
    assert (
        str(failed.value) == 'running "agent pre-command" shell hook: the agent pre-command hook exited with status 3'
    )
    assert failed.value.exit_code == 3
    assert session.env["BUILDKITE_LAST_HOOK_EXIT_STATUS"] == "3"


def test_the_last_commands_status_is_the_hooks(session, hook):
    run(session, hook("false\ntrue\n"))
    assert session.env["BUILDKITE_LAST_HOOK_EXIT_STATUS"] == "0"
    with pytest.raises(HookFailed, match="status 1"):
        run(session, hook("true\nfalse\n"))


@pytest.mark.parametrize("text, status", [("return 0\n", 0), ("return 4\n", 4), ("set -e\nfalse\necho no\n", 1)])
def test_return_and_errexit_end_a_hook(session, hook, text, status):
    hooked = hook("#!/bin/bash\nexport A=1\n" + text)
    if status:
        with pytest.raises(HookFailed) as failed:
            run(session, hooked)
        assert failed.value.exit_code == status
    else:
        assert run(session, hooked).set == {"A": "1"}


def test_exit_zero_succeeds_and_loses_the_changes(session, hook):
    changes = run(session, hook("export A=1\ncd /\nexit 0\n"))
    assert (changes.set, changes.unset, changes.directory) == ({}, (), "")


def test_a_hook_killed_by_a_signal_has_status_minus_one(session, hook):
    with pytest.raises(HookFailed, match="exited with status -1") as failed:
        run(session, hook("#!/bin/bash\nkill -KILL $$\n"))
    assert failed.value.exit_code == -1


@pytest.mark.parametrize(
    "option", ["set -u", "set -e", "set -o noclobber", "set -euo pipefail", "unset PWD; set -u", "set -f"]
)
def test_shell_options_left_on_do_not_spoil_the_dump(session, hook, option):
    changes = run(session, hook(f"#!/bin/bash\nexport A=1\n{option}\n"))
    assert changes.set == {"A": "1"}


def test_a_ruined_path_does_not_spoil_the_dump(session, hook):
    changes = run(session, hook("#!/bin/bash\nexport PATH=/nowhere\ncat() { echo fake; }\nexport A=1\n"))
    assert changes.set == {"A": "1", "PATH": "/nowhere"}


def test_a_trace_left_on_ends_with_the_hook(session, hook, log):
    run(session, hook("#!/bin/bash\nset -x\ntrue one two\n"))
    assert log.lines[-1] == "++ true one two"


def test_paths_with_blanks_and_quotes_work(session, tmp_path, hook):
    folder = tmp_path / 'it\'s a "folder" $(x)'
    folder.mkdir()
    (folder / "pre-command").write_text("export A=1\n")
    session.env["TMPDIR"] = str(folder / "tmp")
    assert run(session, Hook("agent", "pre-command", str(folder / "pre-command"))).set == {"A": "1"}


def test_the_log_shows_a_header_a_prompt_and_the_output(session, hook, log):
    hooked = hook("echo hello\n")
    run(session, hooked)
    assert log.lines == ["~~~ Running agent pre-command hook", f"$ {hooked.path}", "hello"]


def test_a_hook_below_the_working_directory_is_shown_relative_to_it(session, tmp_path, log):
    hooks = tmp_path / "work" / ".buildkite" / "hooks"
    hooks.mkdir(parents=True)
    (hooks / "pre-exit").write_text("")
    run(session, Hook("repository", "pre-exit", str(hooks / "pre-exit")))
    assert log.lines == ["~~~ Running repository pre-exit hook", "$ .buildkite/hooks/pre-exit"]


def test_a_plugins_variables_reach_its_hook_alone(session, hook, log):
    hooked = hook(
        'test "$BUILDKITE_PLUGIN_X_A" = 1\n', scope="plugin", plugin_name="x", env={"BUILDKITE_PLUGIN_X_A": "1"}
    )
    assert run(session, hooked).set == {}
    assert log.lines[0] == "~~~ Running plugin x pre-command hook"
    assert "BUILDKITE_PLUGIN_X_A" not in session.env


def test_a_script_runs_directly_and_is_told_what_it_is(session, hook, log):
    told = "print(os.environ['BUILDKITE_HOOK_PHASE'], os.environ['BUILDKITE_HOOK_SCOPE'])"
    assert run(session, hook(f"#!/usr/bin/env python3\nimport os\n{told}\n")).set == {}
    assert log.lines[-1] == "pre-command agent"
    assert "BUILDKITE_LAST_HOOK_EXIT_STATUS" not in session.env


def test_a_failing_script_says_its_kind(session, hook):
    with pytest.raises(HookFailed) as failed:
        run(session, hook("#!/usr/bin/env python3\nraise SystemExit(33)\n"))
    assert str(failed.value) == 'running "agent pre-command" script hook: exit status 33'
    assert failed.value.exit_code == 33


def test_a_script_without_execute_permission_fails(session, hook):
    with pytest.raises(HookFailed, match="permission denied") as failed:
        run(session, hook("#!/usr/bin/env python3\n", mode=0o644))
    assert failed.value.exit_code == 1


def test_a_program_runs_directly(session, tmp_path):
    path = shutil.copy(shutil.which("false"), tmp_path / "post-command")
    with pytest.raises(HookFailed, match='^running "agent post-command" binary hook: exit status 1$'):
        run(session, Hook("agent", "post-command", str(path)))


def test_a_missing_interpreter_is_blamed(session, hook, log):
    with pytest.raises(HookFailed, match='^running "agent pre-command" shell hook: error running ') as failed:
        run(session, hook("#!/nonexistent/bash\necho 1\n"))
    assert failed.value.exit_code == 1
    assert (
        "🚨 Error: The agent pre-command hook failed to run - "
        'perhaps the script interpreter "/nonexistent/bash" is missing' in log.lines
    )


def test_without_bash_a_plain_hook_runs_with_sh(session, hook, log, tmp_path):
    (tmp_path / "bin").mkdir()
    os.symlink("/bin/sh", tmp_path / "bin" / "sh")
    session.env["PATH"] = str(tmp_path / "bin")
    assert run(session, hook("export A=1\n")).set == {"A": "1"}
    assert any("bash" in line for line in log.lines)


def test_a_configured_shell_runs_the_wrapper(session, hook, log):
    session.env["BUILDKITE_HOOKS_SHELL"] = "/bin/bash -u"
    run(session, hook("echo shell flags $-\n"))
    assert log.lines[-1] == "shell flags huB"


def test_a_configured_shell_with_an_open_quote_is_named(session, hook):
    session.env["BUILDKITE_HOOKS_SHELL"] = "bash 'x"
    with pytest.raises(HookFailed) as failed:
        run(session, hook("true\n"))
    problem = "expected closing quote ' at offset 6, got EOF"
    assert str(failed.value).endswith(f"""shell hook: splitting hooks shell "bash 'x": {problem}""")
    assert failed.value.exit_code == 1


def test_a_powershell_hook_without_powershell_is_one_error(session, hook, log):
    session.env["PATH"] = ""
    with pytest.raises(HookFailed, match="error finding pwsh, needed to run .ps1 scripts"):
        run(session, hook("Write-Host x\n", name="pre-command.ps1"))
    assert not any("perhaps" in line for line in log.lines)


def test_nothing_is_left_in_the_temporary_folder(session, hook):
    run(session, hook("true\n"))
    with pytest.raises(HookFailed):
        run(session, hook("false\n"))
    assert os.listdir(session.env["TMPDIR"]) == []


def test_a_hook_reads_no_input(session, hook, log):
    run(session, hook("if read -r line; then echo got; else echo end of input; fi\n"))
    assert log.lines[-1] == "end of input"


def test_a_hook_under_a_terminal_changes_the_environment_too(session, hook, log):
    session.pty = True
    changes = run(session, hook("test -t 1 && export A=1\necho shown\n"))
    assert changes.set["A"] == "1"
    assert log.lines[-1] == "shown"


def test_crlf_line_ends_stay_in_values(session, hook):
    assert run(session, hook("export X=1\r\necho hi\r\n")).set == {"X": "1\r"}


def test_a_shebang_with_crlf_still_names_its_shell(session, hook):
    assert run(session, hook("#!/bin/sh\r\nexport A=1\n")).set == {"A": "1"}


def test_a_temporary_folder_that_a_hook_exports_is_not_the_wrappers(session, hook, tmp_path):
    changes = run(session, hook("export TMPDIR=/nonexistent/folder\n"))
    session.env.update(changes.set)
    assert run(session, hook("export A=$TMPDIR\n")).set == {"A": "/nonexistent/folder"}


def test_a_daemon_started_in_the_last_line_has_time_to_leave_the_terminal(session, hook, tmp_path):
    session.pty = True
    for number in range(8):
        path = tmp_path / f"left-{number}"
        run(session, hook(f"setsid sh -c 'sleep 0.2; : >{path}' </dev/null >/dev/null 2>&1 &\n"))
        deadline = time.monotonic() + 20
        while not path.exists():
            assert time.monotonic() < deadline, number
            time.sleep(0.01)
