"""Data folders of older versions: what they hold is there, and goes on."""

from __future__ import annotations

import json
import os
import pathlib
import sqlite3

import pytest

from bkagent.controlplane.plane.plane import STORE_NAME, Plane
from bkagent.controlplane.store.database import Database
from bkagent.controlplane.store.schema import SCHEMA, UPGRADES
from bkagent.errors import ConfigError
from bkagent.wire.finish import Finish

OLD_FOLDERS = sorted((pathlib.Path(__file__).parent.parent / "data").glob("data_folder_*.json"))


def restore(source: pathlib.Path, folder: pathlib.Path) -> None:
    """Make the data folder that a file describes."""
    document = json.loads(source.read_text())
    for name, text in document["files"].items():
        path = folder / name
        path.parent.mkdir(0o700, parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o600)
    store = sqlite3.connect(str(folder / STORE_NAME))
    store.executescript("\n".join(document["store"]))
    store.execute(f"PRAGMA user_version = {document['user_version']}")
    store.close()
    os.chmod(folder, 0o700)


@pytest.mark.parametrize("source", OLD_FOLDERS, ids=lambda path: path.stem)
def test_an_older_folder_opens_and_goes_on(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "data"
    restore(source, folder)
    for _ in range(2):  # upgraded, and opened once more
        plane = Plane.open(str(folder), ticking=False, clock=lambda: 1_700_000_060.0)
        first, second = plane.builds.by_number("demo", 1), plane.builds.by_number("demo", 2)
        (job,) = plane.jobs.of_build(first.id)
        assert (first.state, first.message, dict(first.env)) == ("passed", "first", {"X": "1"})
        assert plane.builds.get(first.id).meta_data == {"k": "v", "later": "value"}
        assert plane.logs.read(job.id) == b"hello\n"
        assert [note.body for note in plane.annotations.find(first.id)] == ["text **bold**"]
        running = next(job for job in plane.jobs.of_build(second.id) if job.step_key == "b")
        if running.state == "running":
            assert plane.logs.append(running.id, 2, 5, 6, b" ended")
            assert plane.runs.finish(running.id, Finish("0")).passed
        assert plane.logs.read(running.id) == b"begun ended"
        following = next(job for job in plane.jobs.of_build(second.id) if job.step_key == "c")
        assert following.state == "scheduled"
        assert all(not agent.creator for agent in plane.sessions.find(states=()))
        plane.close()


def columns(path: str) -> object:
    store = sqlite3.connect(path)
    tables = [name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    shapes = {name: sorted(row[1:4] for row in store.execute(f"PRAGMA table_info({name})")) for name in tables}
    indices = sorted(name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'index'"))
    version = store.execute("PRAGMA user_version").fetchone()[0]
    store.close()
    return shapes, indices, version


def test_an_upgraded_store_has_the_tables_of_a_new_one(tmp_path: pathlib.Path) -> None:
    Database(str(tmp_path / "new.db"), SCHEMA, UPGRADES).close()
    for source in OLD_FOLDERS:
        restore(source, tmp_path / source.stem)
        Database(str(tmp_path / source.stem / STORE_NAME), SCHEMA, UPGRADES).close()
        assert columns(str(tmp_path / source.stem / STORE_NAME)) == columns(str(tmp_path / "new.db"))
    assert len(OLD_FOLDERS) == len(UPGRADES)


@pytest.mark.parametrize("version", [-1, len(UPGRADES) + 2])
def test_a_folder_of_a_newer_version_is_refused(version: int, tmp_path: pathlib.Path) -> None:
    folder = str(tmp_path / "data")
    Plane.open(folder, ticking=False).close()
    store = sqlite3.connect(os.path.join(folder, STORE_NAME))
    store.execute(f"PRAGMA user_version = {version}")
    store.close()
    with pytest.raises(ConfigError, match=f"has version {version}, and this bkagent reads versions 1 to"):
        Plane.open(folder, ticking=False)
