"""What the agent's tests share: a control plane, and agents that belong to it."""

import pytest

from tests.fakes.agent_process import AgentProcess
from tests.fakes.control_plane import FakeControlPlane


def quick_plane():
    """Return a control plane, not yet running, that asks agents to hurry."""
    return FakeControlPlane(ping_interval=0.2, job_status_interval=0.1, chunk_interval=0.1)


@pytest.fixture
def plane():
    with quick_plane() as running:
        yield running


@pytest.fixture
def start(plane, tmp_path):
    """Return a function that starts an agent with flags; every agent has ended when the test has.

    Two that work at the same time for different planes need a `root` each.
    """
    started = []

    def begin(*flags, **options):
        endpoint = options.pop("plane", plane).endpoint
        agent = AgentProcess(options.pop("root", tmp_path / "agent"), endpoint, *flags, **options)
        started.append(agent)
        return agent

    yield begin
    for agent in started:
        agent.__exit__()
