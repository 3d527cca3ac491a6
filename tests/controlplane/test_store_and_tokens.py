"""The data folder: one process at a time, tokens for one user, everything there again after a restart."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys

import pytest

from bkagent.controlplane.errors import Forbidden, NotFound, PlaneError, Rejected, Unauthorized
from bkagent.controlplane.plane.plane import Plane
from bkagent.controlplane.records import BuildFilter, NewBuild
from bkagent.controlplane.store.database import Database
from bkagent.controlplane.store.schema import RECORD_TABLES, SCHEMA
from bkagent.errors import ConfigError
from bkagent.wire.finish import Finish
from tests.fakes.pings import next_action

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STEPS = [{"command": "a", "key": "a", "env": {"Ä": "ü\n"}}, "wait", {"command": "b", "key": "b"}]


def everything_kept(world):
    plane, build_id = world.plane, world.build_id
    return (
        plane.builds.get(build_id), plane.jobs.of_build(build_id), plane.sessions.find(states=()), world.steps(),
        plane.annotations.find(build_id), plane.pipelines.all(), plane.builds.document(build_id),
    )  # fmt: skip


def test_everything_is_there_again(world):
    world.build(
        STEPS, message="mä\x00ss", env={"X": "1"}, meta_data={"k": "v"}, pull_request={"id": "7", "labels": ["x"]}
    )
    world.start("a")
    world.plane.annotations.annotate(world.build_id, body="text", job_id=world.job("a").id)
    before = everything_kept(world)
    world.open()
    assert everything_kept(world) == before


def test_columns_are_the_fields_of_the_records(world):
    extra = {"pipelines": {"last_number"}}
    for table in RECORD_TABLES:
        columns = {row[1] for row in world.plane.ledger.db.rows(f"PRAGMA table_info({table.table})")}
        assert columns - set(table._names) == extra.get(table.table, set()), table.table
        assert set(table._names) <= columns, table.table


def test_builds_of_a_pipeline_are_numbered(world):
    assert world.plane.pipelines.next_build_number("demo") == 1
    assert [world.build(STEPS).number for _ in range(3)] == [1, 2, 3]
    assert world.plane.builds.create(NewBuild("other", STEPS, repository="/r")).number == 1
    assert world.plane.pipelines.next_build_number("demo") == 4
    assert [build.number for build in world.plane.builds.find(BuildFilter("demo"))] == [3, 2, 1]
    assert [build.number for build in world.plane.builds.find(BuildFilter("demo"), limit=1, offset=1)] == [2]
    assert world.plane.builds.by_number("demo", 2).number == 2
    with pytest.raises(NotFound):
        world.plane.builds.by_number("demo", 9)


def test_builds_are_listed_by_what_they_are(world):
    world.build([{"block": "x"}])
    world.build([{"command": "a", "key": "a"}], branch="topic", commit="abc")
    world.run("a")
    world.build([{"command": "a"}])

    def numbers(**filters):
        wanted = BuildFilter(**filters)
        assert world.plane.builds.count(wanted) == len(world.plane.builds.find(wanted))
        return [build.number for build in world.plane.builds.find(wanted)]

    assert numbers(states=("passed",)) == [2]
    assert numbers(states=("blocked",)) == [1]
    assert numbers(states=("blocked", "scheduled", "nonsense' OR 1")) == [3, 1]
    assert numbers(branches=("topic",)) == numbers(commits=("abc", "x")) == numbers(branches=("*op*",)) == [2]
    assert numbers(branches=("x' OR '1'='1", "[tm]*", "?opi*")) == []


def test_a_second_process_does_not_open_the_folder(world):
    code = (
        f"import sys; sys.path.insert(0, {ROOT!r})\n"
        "from bkagent.controlplane.plane.plane import Plane\n"
        "try:\n    Plane.open(sys.argv[1], ticking=False)\n"
        "except Exception as error:\n    print(type(error).__name__, error)"
    )
    environ = {name: value for name, value in os.environ.items() if not name.startswith("BUILDKITE")}
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, world.folder], stdout=subprocess.PIPE, env=environ, timeout=60, check=True
    )
    assert done.stdout.decode().startswith("ConfigError the data folder")
    with pytest.raises(ConfigError, match="in use by another control plane"):
        Plane.open(world.folder, ticking=False)


def test_a_python_without_sqlite_is_named_in_one_sentence(tmp_path):
    code = (
        f"import sys; sys.path.insert(0, {ROOT!r}); sys.modules['sqlite3'] = None\n"
        "from bkagent.controlplane.plane.plane import Plane\n"
        "try:\n    Plane.open(sys.argv[1])\nexcept Exception as error:\n    print(type(error).__name__, error)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, str(tmp_path / "d")], stdout=subprocess.PIPE, timeout=60, check=True
    )
    assert done.stdout.decode().startswith("ConfigError ") and "sqlite3" in done.stdout.decode()
    assert done.stdout.count(b"\n") == 1


def test_a_store_of_a_newer_version_is_left_alone(world):
    world.plane.close()
    path = os.path.join(world.folder, "store.db")
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(ConfigError, match="version 99"):
        Plane.open(world.folder, ticking=False)


def test_a_file_that_is_no_store_is_named(tmp_path):
    folder = tmp_path / "d"
    folder.mkdir(mode=0o700)
    (folder / "store.db").write_bytes(b"something else " * 100)
    with pytest.raises(ConfigError, match=r"store\.db"):
        Plane.open(str(folder), ticking=False)


def test_a_change_that_fails_leaves_nothing(world):
    world.build(STEPS)
    states = world.states
    with pytest.raises(Rejected):
        world.plane.meta_data.put(world.build_id, {"good": "1", "": "2"})
    assert world.plane.meta_data.of_build(world.build_id) == {}
    live = world.plane.feed.subscribe()
    with pytest.raises(ZeroDivisionError), world.plane.ledger.change():
        world.plane.builds.cancel(world.build_id)
        raise ZeroDivisionError
    assert world.states == states and live.get(0) is None


def test_calls_after_close_are_errors_and_closing_twice_is_none(world):
    world.plane.close()
    world.plane.close()
    with pytest.raises(PlaneError):
        world.plane.builds.find()


# Tokens


@pytest.mark.skipif(sys.platform == "win32", reason="no modes on Windows")
def test_token_files_are_for_one_user(world):
    for path in (world.plane.agent_token_path, world.plane.api_token_path, world.plane.tokens.path("signing")):
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        with open(path) as file:
            assert len(file.read().strip()) >= 64
    assert stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == 0o700


def test_tokens_stay_the_same_and_differ_from_each_other(world):
    agent, api = world.plane.tokens.agent, world.plane.tokens.api
    session = world.plane.tokens.of_session(world.agent())
    world.open()
    assert (world.plane.tokens.agent, world.plane.tokens.api) == (agent, api)
    assert len({agent, api, session}) == 3
    assert world.plane.tokens.is_agent(agent) and world.plane.tokens.is_api(api)
    for text in ("", agent[:-1], agent + "x", api, session, "é", "\udcff", "\x00"):
        assert not world.plane.tokens.is_agent(text)
    assert world.plane.callers.by_token(session).agent_id


def test_an_empty_token_file_is_named(world):
    world.plane.close()
    with open(os.path.join(world.folder, "tokens", "agent"), "w"):
        pass
    with pytest.raises(ConfigError, match="agent is empty"):
        Plane.open(world.folder, ticking=False)


def test_a_jobs_token_is_good_while_the_job_runs(world):
    world.build([{"command": "a", "key": "a"}, {"command": "b", "key": "b"}])
    agent = world.agent()
    job = world.plane.dispatch.accept(agent, next_action(world.plane, agent).job_id)
    caller = world.plane.callers.by_token(job.token)
    assert (caller.job_id, caller.agent_id, caller.build_id) == (job.id, agent, world.build_id)
    assert world.plane.callers.own_job(job.token, job.id).id == job.id
    assert world.plane.callers.own_job(world.plane.tokens.of_session(agent), job.id).id == job.id
    with pytest.raises(Forbidden):
        world.plane.callers.own_job(job.token, world.job("b").id)
    with pytest.raises(Forbidden):
        world.plane.callers.own_job(world.plane.tokens.of_session(world.agent()), job.id)
    world.plane.runs.start(job.id)
    world.plane.runs.finish(job.id, Finish("0"))
    with pytest.raises(Unauthorized):
        world.plane.callers.by_token(job.token)
    # The run itself may still be asked about, so that an agent learns how it stands.
    assert world.plane.callers.own_job(job.token, job.id).state == "finished"


def test_a_token_of_an_offer_that_was_withdrawn_is_worthless(world):
    world.build([{"command": "a", "key": "a"}])
    first, second = world.agent(), world.agent()
    old = world.plane.dispatch.accept(first, next_action(world.plane, first).job_id)
    world.plane.sessions.disconnect(first)
    new = world.plane.dispatch.accept(second, next_action(world.plane, second).job_id)
    assert new.id == old.id and new.token != old.token
    with pytest.raises(Unauthorized):
        world.plane.callers.by_token(old.token)
    with pytest.raises(Unauthorized):
        world.plane.callers.own_job(old.token, old.id)


@pytest.mark.parametrize("text", ["", "bkaa_", "bkaj_", "bkaa__", "bkaj_x_y", "bkaa_' OR 1=1 --_x", "Token", "\x00"])
def test_what_is_no_token_is_unauthorized(world, text):
    world.build([{"command": "a", "key": "a"}])
    with pytest.raises(Unauthorized):
        world.plane.callers.by_token(text)
    with pytest.raises(Unauthorized):
        world.plane.callers.own_job(text, world.job("a").id)


def test_a_token_of_another_data_folder_is_worthless(world, tmp_path):
    other = Plane.open(str(tmp_path / "other"), ticking=False)
    try:
        forged = other.tokens.of_session(world.agent())
    finally:
        other.close()
    with pytest.raises(Unauthorized):
        world.plane.callers.by_token(forged)


def test_tickets_are_for_one_purpose_and_object(world):
    ticket = world.plane.tokens.ticket("upload", "a1")
    assert world.plane.tokens.is_ticket(ticket, "upload", "a1")
    for purpose, id in (("upload", "a2"), ("download", "a1"), ("upload\0a1", ""), ("", "upload\0a1")):
        assert not world.plane.tokens.is_ticket(ticket, purpose, id)


def test_what_was_answered_outlives_a_process_that_dies(tmp_path):
    code = (
        f"import os, sys; sys.path.insert(0, {ROOT!r})\n"
        "from bkagent.controlplane.plane.plane import Plane\n"
        "from bkagent.controlplane.records import NewBuild\n"
        "from bkagent.wire.registration import Registration\n"
        "plane = Plane.open(sys.argv[1], ticking=False)\n"
        "plane.builds.create(NewBuild('demo', [{'command': 'a'}], repository='/r'))\n"
        "agent = plane.sessions.register(Registration('n', 'h', 'linux', 'amd64', '3', 'x', 1)).id\n"
        "plane.sessions.connect(agent)\n"
        "job = plane.dispatch.begin_ping(agent, 0).answer.job_id\n"
        "token = plane.dispatch.accept(agent, job).token\n"
        "plane.runs.start(job)\n"
        "plane.logs.append(job, 1, 0, 5, b'hello')\n"
        "print(job, token, flush=True)\n"
        "os._exit(9)\n"
    )
    folder = str(tmp_path / "d")
    done = subprocess.run([sys.executable, "-I", "-c", code, folder], stdout=subprocess.PIPE, timeout=60)
    assert done.returncode == 9
    job, token = done.stdout.decode().split()
    plane = Plane.open(folder, ticking=False)
    try:
        assert plane.callers.by_token(token).job_id == job
        assert (plane.jobs.get(job).state, plane.logs.read(job)) == ("running", b"hello")
        assert plane.logs.append(job, 1, 0, 5, b"hello") is False
        assert plane.runs.finish(job, Finish("0")).passed
    finally:
        plane.close()


@pytest.mark.skipif(os.name == "nt", reason="modes of files are POSIX's")
def test_other_users_cannot_read_the_store(tmp_path):
    path = tmp_path / "store.db"
    old = os.umask(0o022)
    try:
        for mode in (None, 0o644):  # new, and made by a version that left it open
            if mode is not None:
                path.chmod(mode)
            opened = Database(str(path), SCHEMA)
            with opened.change():
                opened.rows("DELETE FROM builds")
            modes = {each.name: each.stat().st_mode & 0o777 for each in tmp_path.iterdir()}
            opened.close()
            assert modes == {"store.db": 0o600, "store.db-wal": 0o600, "store.db-shm": 0o600}
    finally:
        os.umask(old)
