"""Every object of the REST API has every field that its clients know, with a value or null."""

from typing import Any, Dict

import pytest

ORG = "/organizations/local"
BUILD = ORG + "/pipelines/demo/builds/1"
# Source: https://buildkite.com/docs/apis/rest-api, and the types of go-buildkite.
FIELDS: Dict[str, str] = {
    "agent": "id graphql_id url web_url name connection_state hostname ip_address user_agent version os_id arch queue "
    "creator created_at connected_at disconnected_at lost_at stopped_at job last_job_finished_at priority meta_data "
    "paused paused_at paused_by paused_note paused_timeout_in_minutes",
    "agent's job": "id graphql_id type name agent_query_rules state build_url web_url log_url raw_log_url "
    "artifacts_url script_path command soft_failed exit_status artifact_paths agent created_at scheduled_at started_at "
    "finished_at",
    "script": "id graphql_id type name label step_key group_key step priority agent_query_rules state build_url "
    "web_url log_url raw_log_url artifacts_url command soft_failed exit_status signal signal_reason broken_reason "
    "artifact_paths agent created_at scheduled_at runnable_at concurrency_wait_time_ms started_at finished_at "
    "expired_at retried retried_in_job_id retries_count retry_source retry_type retried_by parallel_group_index "
    "parallel_group_total matrix cluster_id cluster_url cluster_queue_id cluster_queue_url promised_exit_status "
    "promised_exit_status_at",
    "manual": "id graphql_id type state web_url label unblocked_by unblocked_at unblockable unblock_url step_key "
    "group_key",
    "build": "id graphql_id url web_url number state blocked cancel_reason message commit branch tag env source "
    "creator author jobs created_at scheduled_at started_at failing_at finished_at meta_data pull_request merge_queue "
    "rebuilt_from triggered_from pipeline cluster_id job_state_counts",
    "pipeline": "id graphql_id url web_url name description slug repository cluster_id cluster_url "
    "pipeline_template_uuid branch_configuration clone_mirror_url default_branch skip_queued_branch_builds "
    "skip_queued_branch_builds_filter cancel_running_branch_builds cancel_running_branch_builds_filter allow_rebuilds "
    "provider builds_url badge_url created_by created_at archived_at env scheduled_builds_count running_builds_count "
    "scheduled_jobs_count running_jobs_count waiting_jobs_count visibility tags emoji color "
    "default_command_step_timeout maximum_command_step_timeout configuration steps",
    "organization": "id graphql_id url web_url name slug pipelines_url agents_url emojis_url created_at",
    "artifact": "id job_id url download_url state path dirname filename mime_type file_size glob_path original_path "
    "sha1sum",
    "annotation": "id context style scope job_id priority body_html created_at updated_at",
    "access token": "uuid scopes description created_at expires_at user",
    "user": "id graphql_id name email avatar_url created_at",
    "cluster": "id graphql_id default_queue_id name description emoji color maintainers url web_url queues_url "
    "default_queue_url created_at created_by",
    "queue": "id graphql_id key description url web_url cluster_url retry_agent_affinity dispatch_paused "
    "dispatch_paused_by dispatch_paused_at dispatch_paused_note created_at created_by",
}


@pytest.fixture
def objects(desk: Any) -> Dict[str, Any]:
    """Return an object of each kind."""
    rest = desk.rest()
    desk.build({"command": "a"}, {"block": "b"})
    job_id, job = desk.running_job()
    assert job.call("POST", f"/jobs/{job_id}/artifacts", {"artifacts": [{"path": "a/b.txt"}]})[0] == 201
    assert rest.call("POST", f"{BUILD}/annotations", {"body": "b"})[0] == 201

    def get(path: str) -> Any:
        status, document, _ = rest.call("GET", path)
        assert status == 200, document
        return document

    build, (agent,), (cluster,) = get(BUILD), get(ORG + "/agents"), get(ORG + "/clusters")
    return {
        "agent": agent, "agent's job": agent["job"], "script": build["jobs"][0], "manual": build["jobs"][1],
        "build": build, "pipeline": get(ORG + "/pipelines/demo"), "organization": get(ORG),
        "artifact": get(f"{BUILD}/artifacts")[0], "annotation": get(f"{BUILD}/annotations")[0],
        "access token": get("/access-token"), "user": get("/user"), "cluster": cluster,
        "queue": get(f"{ORG}/clusters/{cluster['id']}/queues")[0],
    }  # fmt: skip


def test_no_field_is_missing(desk: Any, objects: Dict[str, Any]) -> None:
    missing = {kind: set(names.split()) - set(objects[kind]) for kind, names in FIELDS.items()}
    assert {kind: names for kind, names in missing.items() if names} == {}


def test_everything_belongs_to_the_one_cluster(objects: Dict[str, Any]) -> None:
    cluster = objects["cluster"]
    for kind in ("pipeline", "build", "script"):
        assert objects[kind]["cluster_id"] == cluster["id"], kind
    assert objects["pipeline"]["cluster_url"] == objects["script"]["cluster_url"] == cluster["url"]


def test_the_page_of_an_agent_is_there_when_the_agent_has_gone(desk: Any) -> None:
    agent = desk.registered(name="gone")
    id = desk.rest().call("GET", ORG + "/agents")[1][0]["id"]
    assert agent.call("POST", "/disconnect")[0] == 200
    page = desk.rest().call("GET", f"{ORG}/agents/{id}")[1]["web_url"]
    assert b"<h1>gone" in desk.page().call("GET", page[len(desk.server.url) :], Accept="text/html")[1]


def test_every_url_leads_to_this_server(desk: Any, objects: Dict[str, Any]) -> None:
    """Those of the API answer its clients, those of pages a person who has logged in."""
    for kind, form in objects.items():
        for name, url in form.items():
            if not name.endswith("url") or url is None:
                continue
            assert url.startswith(desk.server.url + "/"), (kind, name, url)
            path = url[len(desk.server.url) :].partition("#")[0]
            is_api = path.startswith("/v2/")
            assert is_api == (name != "web_url"), (kind, name, url)
            status = desk.rest().call("GET", path[3:])[0] if is_api else desk.page().call("GET", path)[0]
            assert status == (405 if name == "unblock_url" else 404 if name == "download_url" else 200), (
                kind,
                name,
                url,
            )
