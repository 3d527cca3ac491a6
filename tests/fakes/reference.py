"""The reference's agent, where a machine has it: REFERENCE_AGENT names the program, else it is found on PATH."""

from __future__ import annotations

import os
import shutil

import pytest

from bkagent.system import static_program

PROGRAM = os.environ.get("REFERENCE_AGENT") or shutil.which("buildkite-agent") or ""

needs_reference = pytest.mark.skipif(not PROGRAM, reason="needs the reference's agent: REFERENCE_AGENT names it")
needs_static_reference = pytest.mark.skipif(
    not (PROGRAM and static_program.is_static(PROGRAM)),
    reason="needs the reference's agent as a static program: REFERENCE_AGENT names it",
)
