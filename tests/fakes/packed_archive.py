"""For tests of unpacking: `from tests.fakes.packed_archive import archive, own_temporary`, no installed archive."""

from pathlib import Path

import pytest

__all__ = ["archive", "own_temporary"]


@pytest.fixture(scope="session")
def archive(packed_archive: str) -> str:
    """Return the archive before it has unpacked anything."""
    return packed_archive


@pytest.fixture(autouse=True)
def own_temporary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide the machine's temporary folder: code that somebody has unpacked there would be run in place of new."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
