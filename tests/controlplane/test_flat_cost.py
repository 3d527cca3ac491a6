"""What an event costs does not depend on the size of its build: statements and rows are counted, not times."""

from __future__ import annotations

import pytest

from bkagent.wire.finish import Finish
from tests.fakes.pings import next_action

SMALL, LARGE = 20, 200
JOBS_COUNT = 10


def steps_of(count, **details):
    return [{"command": str(number), "key": f"k{number}", **details} for number in range(count)]


SHAPES = {
    "side by side": lambda count: steps_of(count),
    "parallel": lambda count: [{"command": "a", "parallelism": count}],
    "behind one job": lambda count: [{"command": "a", "key": "a"}, *steps_of(count, depends_on="a")],
    "each behind the one before": lambda count: [
        {**step, "depends_on": [f"k{number - 1}"] if number else []} for number, step in enumerate(steps_of(count))
    ],
    "before a wait": lambda count: [*steps_of(count), {"wait": None}, {"command": "last"}],
    "in a group that another step names": lambda count: [
        {"group": "G", "key": "g", "steps": steps_of(count)}, {"command": "last", "depends_on": "g"}
    ],
    "in a concurrency group": lambda count: steps_of(count, concurrency=2, concurrency_group="g"),
    "in an eager concurrency group": lambda count: steps_of(
        count, concurrency=2, concurrency_group="g", concurrency_method="eager"
    ),
    "behind a block step": lambda count: [{"block": "Go", "key": "go"}, *steps_of(count)],
    "canceled on failing": lambda count: steps_of(count, cancel_on_build_failing=True, soft_fail=True),
    "beside jobs for other agents": lambda count: [
        *steps_of(count, agents=["queue=other"], priority=1), *[{"command": str(number)} for number in range(20)]
    ],
}  # fmt: skip


class Count:
    """Counts the statements of a store, and the rows that they return."""

    def __init__(self, db):
        self._rows, self.total = db.rows, 0
        db.rows = self.rows

    def rows(self, statement, values=()):
        rows = self._rows(statement, values)
        self.total += 1 + len(rows)
        return rows


def cost(world, shape, count):
    """Return what the last of the first jobs of a build costs, from its offer to its end."""
    world.build({"steps": SHAPES[shape](count)})
    if shape == "behind a block step":
        world.do("unblock go")
    agents = [world.agent() for _ in range(2)]
    counted = Count(world.plane.ledger.db)
    for number in range(JOBS_COUNT):
        counted.total = 0
        agent = agents[number % 2]
        id = next_action(world.plane, agent).job_id
        world.plane.dispatch.accept(agent, id)
        world.plane.runs.start(id)
        world.plane.expiry.tick()
        world.plane.runs.finish(id, Finish("1" if shape == "canceled on failing" else "0"))
    return counted.total


@pytest.mark.parametrize("shape", SHAPES)
def test_a_job_costs_the_same_in_a_build_of_any_size(world, tmp_path, shape):
    larger = type(world)(str(tmp_path / "larger"))
    assert cost(larger, shape, LARGE) == cost(world, shape, SMALL)
    larger.plane.close()


def cost_of_upload(world, count):
    world.build(steps_of(count))
    id = world.start("k0").id
    world.upload("k0", [{"command": "first", "key": "first"}])
    counted = Count(world.plane.ledger.db)
    world.plane.uploads.apply(id, [{"command": "a", "key": "a"}, {"command": "b", "depends_on": "a"}], uuid="u")
    return counted.total


def test_an_upload_costs_the_same_in_a_build_of_any_size(world, tmp_path):
    larger = type(world)(str(tmp_path / "larger"))
    more_keys = LARGE - SMALL  # of steps, which the upload must not use again
    assert cost_of_upload(larger, LARGE) - cost_of_upload(world, SMALL) == more_keys
    larger.plane.close()


def test_many_uploads_stand_in_order_where_their_job_does(world):
    world.build([{"command": "a", "key": "a"}, {"command": "z", "key": "z"}])
    world.start("a")
    for number in range(40):
        world.upload("a", [{"command": "x", "key": f"x{number}"}, {"command": "y", "key": f"y{number}"}])
    keys = [job.step_key for job in world.jobs()]
    assert keys == ["a", *[f"{letter}{number}" for number in reversed(range(40)) for letter in "xy"], "z"]
    world.finish("a")
    waiting = [next_action(world.plane, world.agent()).job_id for _ in range(4)]
    assert [world.plane.jobs.get(id).step_key for id in waiting] == ["x39", "y39", "x38", "y38"]
