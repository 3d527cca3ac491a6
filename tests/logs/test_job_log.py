"""What processes print and our own lines in one log: redacted, stamped, in order."""

import threading

from bkagent.logs.job_log import JobLog, stamper_for
from bkagent.logs.stampers import AnsiStamper, LinePrefixStamper
from bkagent.redaction.redactor import Redactor
from bkagent.spool.manifest import JobManifest


def log_with(secrets=(), **more):
    redactor = Redactor()
    for secret in secrets:
        redactor.add(secret)
    pieces = []
    return JobLog(pieces.append, redactor, **more), pieces


def test_an_own_line_starts_a_line():
    log, pieces = log_with(line_end=b"\r\n")
    log.line("~~~ Running")
    log.child(b"out")
    log.line("two\nlines")
    log.child(b"more\r\n")
    log.line("end")
    assert b"".join(pieces) == b"~~~ Running\r\nout\r\ntwo\r\n  lines\r\nmore\r\nend\r\n"


def test_what_an_own_line_quotes_is_escaped_after_its_secrets_are_out():
    log, pieces = log_with()
    log.redactor.add('se"cret\nof two lines')
    log.line('x\x1b[2J se"cret\nof two lines\n+++ y\r', "\x1b[90m# ", "\x1b[0m")
    log.line("$ printf a\nprintf b", as_it_is=True)
    assert b"".join(pieces) == b"\x1b[90m# x\\x1b[2J [REDACTED]\n  +++ y\\r\x1b[0m\n$ printf a\nprintf b\n"


def test_an_own_line_is_redacted_and_does_not_show_halves_of_a_secret():
    log, pieces = log_with(["hunter2-secret", "first\nsecond"])
    log.child(b"say hunter2-")
    log.line("# stopping hunter2-secret, first\nsecond")
    log.child(b"secret\n")
    log.flush()
    assert b"".join(pieces) == b"say \n# stopping [REDACTED], [REDACTED]\n[REDACTED]\n"


def test_lines_from_before_there_is_a_place_for_them_are_kept():
    pieces = []
    log = JobLog(None, Redactor(), line_end=b"\r\n")
    log.line("a secret that is told later", "# ", "!")
    log.redactor.add("secret")
    log.begin(pieces.append)
    log.line("two")
    assert b"".join(pieces) == b"# a [REDACTED] that is told later!\r\ntwo\r\n"


def test_flushing_shows_what_was_withheld():
    log, pieces = log_with(["hunter2-secret"])
    log.child(b"name: hunter")
    assert b"".join(pieces) == b"name: "
    log.flush()
    log.line("next")
    assert b"".join(pieces) == b"name: hunter\nnext\n"


def test_stamps_come_after_redaction():
    log, pieces = log_with(["a\nb"], stamper=AnsiStamper(lambda: 5))
    log.child(b"a\n")
    log.child(b"b\n")
    assert b"".join(pieces) == b"\x1b_bk;t=5\x07[REDACTED]\n"


def test_the_form_of_the_times_is_the_job_s():
    assert isinstance(stamper_for(JobManifest("j", "", "")), AnsiStamper)
    assert stamper_for(JobManifest("j", "", "", ansi_timestamps=False)) is None
    assert isinstance(
        stamper_for(JobManifest("j", "", "", ansi_timestamps=False, timestamp_lines=True)), LinePrefixStamper
    )


def test_lines_of_many_threads_stay_whole():
    log, pieces = log_with(["nothing-like-it"])

    def write(name):
        for number in range(200):
            log.line(f"{name} {number}")

    writers = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    lines = b"".join(pieces).decode().splitlines()
    assert sorted(lines) == sorted(f"{name} {number}" for name in "abcd" for number in range(200))
    assert [line for line in lines if line[0] == "a"] == [f"a {number}" for number in range(200)]
