"""Jobs in the REST API: retried, unblocked, their logs, and the cluster that clients look up."""

from typing import Any

import pytest

BUILD = "/organizations/local/pipelines/demo/builds/1"


def end(desk: Any, status: int, *, runs: int = 1) -> str:
    """Let an agent run jobs that end with this status; return the id of the last."""
    for _ in range(runs):
        job_id, job = desk.running_job()
        assert job.call("PUT", f"/jobs/{job_id}/finish", {"exit_status": str(status)})[0] == 200
    return job_id


def test_what_passed_is_not_retried(desk: Any) -> None:
    desk.build({"command": "true"})
    status, answer, _ = desk.rest().call("PUT", f"{BUILD}/jobs/{end(desk, 0)}/retry")
    assert (status, answer["message"]) == (400, "Only failed, timed out or canceled jobs can be retried")


def test_failed_jobs_of_a_build_are_retried_at_once(desk: Any) -> None:
    rest = desk.rest()
    no_retry = {"command": "d", "retry": {"manual": False}}
    desk.build({"command": "a"}, {"command": "b"}, {"command": "c", "soft_fail": True}, no_retry)
    end(desk, 1, runs=4)
    assert rest.call("PUT", f"{BUILD}/retry_failed_jobs", {"states": "odd"})[0] == 400
    status, answer, _ = rest.call("PUT", f"{BUILD}/retry_failed_jobs")
    assert (status, answer["retried_jobs_count"]) == (202, 2)
    assert [job["state"] for job in answer["jobs"]] == ["scheduled", "scheduled", "failed", "failed"]
    soft = rest.call("PUT", f"{BUILD}/retry_failed_jobs", {"states": "soft_failed,timed_out"})[1]
    assert soft["retried_jobs_count"] == 1
    assert rest.call("PUT", f"{BUILD}/cancel")[0] == 200
    assert rest.call("PUT", f"{BUILD}/retry_failed_jobs")[0] == 422


def test_answers_have_the_format_of_their_fields(desk: Any) -> None:
    rest = desk.rest()
    fields = [{"text": "Version", "key": "version", "format": r"\d+\.\d+"}, {"text": "X", "key": "x", "format": "("}]
    build = desk.build({"block": "go on?", "fields": fields}, {"command": "true"})
    path = f"{BUILD}/jobs/{desk.plane.jobs.of_build(build.id)[0].id}/unblock"
    for wrong in ("1", "v1.2", "1.2 "):
        status, answer, _ = rest.call("PUT", path, {"fields": {"version": wrong}})
        assert status == 422 and "Version" in answer["message"], wrong
    status, unblocked, _ = rest.call("PUT", path, {"fields": {"version": "1.2", "x": "any"}})
    assert status == 200 and unblocked["unblocked_by"]["name"] == "bkagent"


def test_head_of_a_log_tells_its_size(desk: Any) -> None:
    desk.build({"command": "true"})
    job_id, job = desk.running_job()
    desk.log(job, job_id, 1, 0, b"0123456789")
    status, body, headers = desk.rest().call("HEAD", f"{BUILD}/jobs/{job_id}/log")
    assert (status, body, headers["content-length"], headers["accept-ranges"]) == (200, b"", "10", "bytes")


STAMPED = (
    b"\x1b_bk;t=1767225600123\x07--- one\r\n\x1b_bk;t=1767225600456\x07text ---\r\n"
    b"\x1b_bk;t=1767225601456\x07\x1b[32m+++ two\x1b[0m\r\n~~~ three\r\n\x1b_bk;t=1767225602456\x07---\r\n"
)


@pytest.mark.parametrize(
    ("log", "reported", "times"),
    [
        (STAMPED, {}, [1767225600123000000, 1767225601456000000, 0, 1767225602456000000]),
        (b"--- one\r\n+++ two\r\n", {}, []),
        (b"", {}, []),
        (
            b"--- one\r\n",
            {"0": "2026-01-01T00:00:00.123456789Z", "1": "2026-01-01T02:00:01.5+02:00", "10": "later"},
            [1767225600123456789, 1767225601500000000, 0],
        ),
        (b"\x1b_bk;t=1\x07" * 10_000 + b"x", {}, []),
    ],
    ids=["stamped", "plain", "empty", "reported", "stamps"],
)
def test_the_times_of_headers_come_from_the_agent_or_the_log(desk: Any, log: bytes, reported: Any, times: Any) -> None:
    desk.build({"command": "true"})
    job_id, job = desk.running_job()
    if log:
        desk.log(job, job_id, 1, 0, log)
    if reported:
        assert job.call("POST", f"/jobs/{job_id}/header_times", {"header_times": reported})[0] == 201
    assert desk.rest().call("GET", f"{BUILD}/jobs/{job_id}/log")[1]["header_times"] == times


def test_jobs_are_listed_forward_and_backward(desk: Any) -> None:
    rest = desk.rest()
    desk.build(*({"command": "a", "key": f"k{number}"} for number in range(5)), "wait", {"command": "later"})
    first = f"{BUILD}/jobs?per_page=2&state[]=scheduled&step_key[]=k%2Cx&step_key[]=k0&" + "&".join(
        f"step_key[]=k{number}" for number in range(1, 5)
    )

    def page(url: str) -> Any:
        answer = rest.call("GET", url.partition("/v2")[2] or url)[1]
        return [job["step_key"] for job in answer["items"]], answer["links"]

    keys, links = page(first)
    assert keys == ["k0", "k1"] and links["prev"] is None
    second, links = page(links["next"])
    third, last = page(links["next"])
    assert (second, third, last["next"]) == (["k2", "k3"], ["k4"], None)
    assert page(last["prev"])[0] == second and page(last["self"])[0] == third and page(last["first"])[0] == keys
    assert page(page(last["prev"])[1]["prev"])[0] == keys
    for wrong in ("after=x", "before=x", "after=x&before=y"):
        assert rest.call("GET", f"{BUILD}/jobs?{wrong}")[0] == 400


def test_a_build_is_canceled_once(desk: Any) -> None:
    desk.build({"command": "true"})
    desk.running_job()
    states = [desk.rest().call("PUT", f"{BUILD}/cancel")[0] for _ in range(2)]
    assert states == [200, 422] and desk.rest().call("GET", BUILD)[1]["state"] == "canceling"


def test_an_annotation_is_deleted_only_where_it_belongs(desk: Any) -> None:
    rest = desk.rest()
    build = desk.build({"command": "true"})
    job = f"{BUILD}/jobs/{desk.plane.jobs.of_build(build.id)[0].id}"
    note = rest.call("POST", f"{BUILD}/annotations", {"body": "a"})[1]["id"]
    assert rest.call("DELETE", f"{job}/annotations/{note}")[0] == 404
    assert rest.call("DELETE", f"{BUILD}/annotations/{note}")[0] == 204
    note = rest.call("POST", f"{job}/annotations", {"body": "a"})[1]["id"]
    by_job_alone = job.replace("/pipelines/demo/builds/1", "")
    assert [rest.call("DELETE", f"{by_job_alone}/annotations/{note}")[0] for _ in range(2)] == [204, 404]


def test_the_cluster_and_its_queues(desk: Any) -> None:
    rest, all_clusters = desk.rest(), "/organizations/local/clusters"
    desk.registered(meta_data=["queue=deploy"])
    (cluster,) = rest.call("GET", all_clusters)[1]
    assert rest.call("GET", f"{all_clusters}/{cluster['id']}")[1] == cluster
    queues = rest.call("GET", f"{all_clusters}/{cluster['id']}/queues")[1]
    assert [queue["key"] for queue in queues] == ["default", "deploy"]
    assert rest.call("GET", cluster["default_queue_url"].partition("/v2")[2])[1] == queues[0]
    agents = "/organizations/local/agents?cluster_queue_id="
    assert [len(rest.call("GET", agents + id)[1]) for id in (queues[0]["id"], queues[1]["id"], "other")] == [0, 1, 0]
    assert rest.call("GET", f"{all_clusters}/other/queues")[:2] == (404, {"message": "No cluster found"})
