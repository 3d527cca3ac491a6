"""What an agent and the commands of its jobs say with each request to the control plane."""

NOT_OURS = "POST form"  # the store that an artifact's instructions name


def test_every_request_asks_for_json(plane, start):
    """Of the agent, of a command through the job's local socket, and of one that connects by itself."""
    job = plane.add_job(
        "\n".join([
            "buildkite-agent meta-data set socket yes",
            "env -u BUILDKITE_AGENT_JOB_API_SOCKET buildkite-agent meta-data set direct yes",
            "echo x > a.txt && buildkite-agent artifact upload a.txt",
        ])
    )  # fmt: skip
    agent = start("--disconnect-after-job")
    assert agent.wait() == 0, agent.said
    assert job.finish["exit_status"] == "0", job.text
    assert plane.meta_data == {"socket": "yes", "direct": "yes"}
    without = [
        request.call
        for request in plane.requests
        if request.headers.get("Accept") != "application/json" and request.call != NOT_OURS
    ]
    assert not without
