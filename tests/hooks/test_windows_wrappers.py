"""The texts of the wrappers that only Windows runs: their steps in order, and paths that must not be read as code."""

from bkagent.hooks import wrapper_windows


def test_a_batch_wrapper_dumps_before_and_after_the_hook():
    lines = wrapper_windows.batch("C:\\a b\\100%\\hook.bat", "C:\\t\\before", "C:\\t\\after").split("\r\n")
    assert lines[:2] == ["@echo off", "SETLOCAL ENABLEDELAYEDEXPANSION"]
    assert lines[2].endswith('> "C:\\t\\before"')
    assert lines[3:6] == [
        'CALL "C:\\a b\\100%%\\hook.bat"',
        "SET BUILDKITE_HOOK_EXIT_STATUS=!ERRORLEVEL!",
        "SET BUILDKITE_HOOK_WORKING_DIR=%CD%",
    ]
    assert lines[6].endswith('> "C:\\t\\after"')
    assert lines[7] == "EXIT %BUILDKITE_HOOK_EXIT_STATUS%"
    # `!` would be expanded, and a quote would end, inside the code of the dump.
    code = lines[2].split('"')[-4]
    assert code.startswith("import os") and "!" not in lines[2]


def test_a_powershell_wrapper_quotes_paths_and_keeps_the_last_status():
    lines = wrapper_windows.powershell("C:\\it's\\hook.ps1", "C:\\t\\before", "C:\\t\\after").split("\r\n")
    assert lines[0] == '$ErrorActionPreference = "STOP"'
    assert lines[1].endswith(" 'C:\\t\\before'") and "sys.argv[1]" in lines[1]
    assert lines[2] == ". 'C:\\it''s\\hook.ps1'"
    assert "$LASTEXITCODE" in lines[3] and lines[5].endswith(" 'C:\\t\\after'")
    assert lines[6] == "exit $Env:BUILDKITE_HOOK_EXIT_STATUS"
