"""What the processes that an agent has while nothing happens do not load: every machine would pay for it."""

import os
import subprocess
import sys

import pytest

_TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_AGENT = ("bkagent.cli.commands.start", "bkagent.cli.start.agent_settings", "bkagent.agent.run", "bkagent.cli.defects")
_WARM = ("bkagent.cli.commands.job_process", "bkagent.job.warm_process", "bkagent.cli.defects")
# 1.5 MB of `inspect` and `ast` come with `dataclasses`, 4 MB of OpenSSL with `hashlib`, the formats of archives with
# `shutil`, half a megabyte with the others.
_LARGE = {
    "dataclasses", "inspect", "ast", "tokenize", "hashlib", "_hashlib", "hmac", "ssl", "shutil", "lzma", "bz2", "copy",
    "ipaddress", "urllib.parse", "subprocess", "traceback", "tempfile", "uuid", "http.client", "email", "logging",
    "sqlite3", "platform", "locale", "argparse", "bkagent.git.outcome",
}  # fmt: skip


@pytest.mark.skipif(os.sep == "\\", reason="Windows starts processes by subprocess, and none stays beside an agent")
@pytest.mark.parametrize("modules", [pytest.param(_AGENT, id="agent"), pytest.param(_WARM, id="warm")])
def test_what_stays_loads_nothing_large(modules):
    code = f"import sys; sys.path.insert(0, {_TOP!r}); import {', '.join(modules)}; print(*sys.modules)"
    printed = subprocess.check_output([sys.executable, "-I", "-S", "-c", code], encoding="ascii")
    assert not _LARGE & set(printed.split())
