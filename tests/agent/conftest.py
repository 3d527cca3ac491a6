"""What the agent's tests share: a control plane, and agents that belong to it."""

import pytest

from tests.fakes.agent_process import AgentProcess
from tests.fakes.control_plane import FakeControlPlane


@pytest.fixture
def plane():
    with FakeControlPlane(ping_interval=0.2, job_status_interval=0.1, chunk_interval=0.1) as running:
        yield running


@pytest.fixture
def start(plane, tmp_path):
    """Return a function that starts an agent with flags; every agent has ended when the test has."""
    started = []

    def begin(*flags, **options):
        agent = AgentProcess(options.pop("root", tmp_path / "agent"), plane.endpoint, *flags, **options)
        started.append(agent)
        return agent

    yield begin
    for agent in started:
        agent.__exit__()
