"""Jobs in the REST API: retried, unblocked, their logs, and the cluster that clients look up."""

from typing import Any

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


def test_an_annotation_is_deleted_only_where_it_belongs(desk: Any) -> None:
    rest = desk.rest()
    build = desk.build({"command": "true"})
    job = f"{BUILD}/jobs/{desk.plane.jobs.of_build(build.id)[0].id}"
    note = rest.call("POST", f"{BUILD}/annotations", {"body": "a"})[1]["id"]
    assert rest.call("DELETE", f"{job}/annotations/{note}")[0] == 404
    assert rest.call("DELETE", f"{BUILD}/annotations/{note}")[0] == 204


def test_the_cluster_and_its_queues(desk: Any) -> None:
    rest, all_clusters = desk.rest(), "/organizations/local/clusters"
    desk.registered(meta_data=["queue=deploy"])
    (cluster,) = rest.call("GET", all_clusters)[1]
    assert rest.call("GET", f"{all_clusters}/{cluster['id']}")[1] == cluster
    queues = rest.call("GET", f"{all_clusters}/{cluster['id']}/queues")[1]
    assert [queue["key"] for queue in queues] == ["default", "deploy"]
    assert rest.call("GET", cluster["default_queue_url"].partition("/v2")[2])[1] == queues[0]
    assert rest.call("GET", f"{all_clusters}/other/queues")[:2] == (404, {"message": "No cluster found"})
