"""Hold an area of recorded scenarios against an agent twice, as differ.py does and word for word, by one run of each.

    python comparison.py DIFFER AREA REPORT ARGUMENT...

ARGUMENT... are those of differ.py, whose report goes to standard output. In what the scenarios of single commands
differ word for word is written to the file REPORT.
"""

import contextlib
import importlib
import sys
from pathlib import Path
from typing import Any, Dict, List


def main(differ_path: str, area: str, report: str, *argv: str) -> int:
    """Compare and write the report; return the exit status of the comparison that is not word for word."""
    sys.path.insert(0, str(Path(differ_path).parent))
    differ: Any = importlib.import_module("differ")
    run_once = differ.run_once
    records: Dict[str, Any] = {}

    def run_and_keep(scenario: Any, command: "List[str]") -> Any:
        records[scenario["name"]] = run_once(scenario, command)
        return records[scenario["name"]]

    differ.run_once = run_and_keep
    status: int = differ.main(["compare", "--only", area, *argv])
    differ.run_once = lambda scenario, command: records[scenario["name"]]
    commands = [word for name, record in records.items() if "steps" in record for word in ("--only", name)]
    with open(report, "w", encoding="utf-8") as file, contextlib.redirect_stdout(file):
        if commands:
            differ.main(["compare", *commands, *argv, "--strict", "--tries", "1"])
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
