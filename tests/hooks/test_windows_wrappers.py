"""The texts of the wrappers that only Windows runs: their steps in order, and paths that must not be read as code."""

from bkagent.hooks import wrapper_windows


def test_a_batch_wrapper_dumps_before_and_after_the_hook():
    lines = wrapper_windows.batch("C:\\a & b\\100%!\\hook.bat", "C:\\t\\before", "C:\\t\\after").split("\r\n")
    assert lines[:2] == ["@echo off", "SETLOCAL DISABLEDELAYEDEXPANSION"]
    assert lines[3:7] == [
        'SET "__BKAGENT_BEFORE=C:\\t\\before"',
        'SET "__BKAGENT_AFTER=C:\\t\\after"',
        'SET "__BKAGENT_HOOK=C:\\a & b\\100%%!\\hook.bat"',
        "SETLOCAL ENABLEDELAYEDEXPANSION",
    ]
    assert lines[7].endswith('> "!__BKAGENT_BEFORE!"')
    assert lines[8:11] == [
        'CALL "%%__BKAGENT_HOOK%%"',
        "SET BUILDKITE_HOOK_EXIT_STATUS=!ERRORLEVEL!",
        'SET "BUILDKITE_HOOK_WORKING_DIR=!CD!"',
    ]
    assert lines[11].endswith('> "!__BKAGENT_AFTER!"')
    assert lines[12] == "EXIT !BUILDKITE_HOOK_EXIT_STATUS!"
    # `!` would be expanded, and a quote would end, inside the code of the dump.
    code = lines[7].split('"')[-4]
    assert code.startswith("import os") and "!" not in code and "%" not in code


def test_a_powershell_wrapper_is_marked_as_utf8_where_that_matters():
    assert wrapper_windows.powershell("C:\\gr\u00fcn.ps1", "a", "b").startswith("\ufeff$ErrorActionPreference")


def test_a_powershell_wrapper_quotes_paths_and_keeps_the_last_status():
    lines = wrapper_windows.powershell("C:\\it's\\hook.ps1", "C:\\t\\before", "C:\\t\\after").split("\r\n")
    assert lines[0] == '$ErrorActionPreference = "STOP"'
    assert lines[1].endswith(" 'C:\\t\\before'") and "sys.argv[1]" in lines[1]
    assert lines[2] == ". 'C:\\it''s\\hook.ps1'"
    assert "$LASTEXITCODE" in lines[3] and lines[5].endswith(" 'C:\\t\\after'")
    assert lines[6] == "exit $Env:BUILDKITE_HOOK_EXIT_STATUS"
