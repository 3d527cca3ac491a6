"""windows/selftest.py: what a Wine can show of it. What its checks are for, a real Windows alone has."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.source_tree import TOP
from tests.windows.wine_session import WineSession

# Wine has no PowerShell and no `mklink /J`, ends `cmd.exe` at once on CTRL_BREAK, and runs services as its one user.
_SKIPPED = {"powershell-hook", "powershell-commands", "job-api-by-pipe"}
_NOT_UNDER_WINE = {"ctrl-break", "junctions", "access-rights", "service"}


def test_each_check_runs_and_is_reported(wine: WineSession, packed_archive: str, tmp_path: Path) -> None:
    shutil.copy(f"{TOP}/windows/selftest.py", str(tmp_path))
    words = ("--program", wine.windows_path(packed_archive), "--report", wine.windows_path(tmp_path / "report.json"))
    script = wine.windows_path(tmp_path / "selftest.py")
    done = wine.run(wine.python("3.8"), "-I", "-S", script, *words, "--with-service", timeout_s=600.0)
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert report["schema"] == 1 and report["machine"]["build"].startswith("10.0."), report["machine"]
    results = {entry["name"]: entry["result"] for entry in report["checks"]}
    failed = {name for name, result in results.items() if result == "failed"}
    assert failed <= _NOT_UNDER_WINE and done.returncode == len(failed), report["checks"]
    assert {name for name, result in results.items() if result == "skipped"} == _SKIPPED
    service = next(entry for entry in report["checks"] if entry["name"] == "service")
    assert "the job ran as " in service["detail"], service
    _require_clean(wine)


def _require_clean(wine: WineSession) -> None:
    """Fail where the self-test left something behind."""
    assert not list((wine.prefix / "drive_c").glob("users/*/AppData/Local/Temp/bkagent-selftest-*"))
    assert not (wine.prefix / "drive_c" / "ProgramData" / "bkagent" / "bkagent-selftest").exists()
