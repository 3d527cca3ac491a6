"""The forms of the agent's own lines."""

from bkagent.shell.log_lines import LogLines
from tests.shell.conftest import MemoryLog


def test_each_kind_of_line_has_its_form(log: MemoryLog) -> None:
    lines = LogLines(log)
    lines.header("A group")
    lines.comment("a remark")
    lines.prompt("git status")
    lines.plain("text")
    lines.warning("careful")
    lines.error("broken")
    lines.debug("not shown")
    assert log.lines == [
        "~~~ A group", "\x1b[90m# a remark\x1b[0m", "\x1b[90m$\x1b[0m git status", "text",
        "\x1b[33m⚠️ Warning: careful\x1b[0m", "^^^ +++", "\x1b[31m🚨 Error: broken\x1b[0m", "^^^ +++",
    ]  # fmt: skip


def test_a_warning_with_an_id_says_how_to_silence_it(log: MemoryLog) -> None:
    LogLines(log).warning("careful", "some-id")
    (line, group) = log.lines
    assert "careful. You can disable this warning by passing the `--disable-warnings-for some-id` flag" in line
    assert group == "^^^ +++"


def test_a_silenced_warning_is_plain_text(log: MemoryLog) -> None:
    LogLines(log, disabled_warnings=["some-id"]).warning("careful", "some-id")
    assert log.lines == ["careful"]


def test_debug_remarks_come_where_they_are_asked_for(log: MemoryLog) -> None:
    LogLines(log, is_debug=True).debug("shown")
    assert log.lines == ["\x1b[90m# shown\x1b[0m"]
