"""For tests of unpacking: `from tests.fakes.packed_archive import archive` in place of the installed archive."""

import pytest

__all__ = ["archive"]


@pytest.fixture(scope="session")
def archive(packed_archive: str) -> str:
    """Return the archive before it has unpacked anything."""
    return packed_archive
