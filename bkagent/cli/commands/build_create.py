"""`bkagent build create --pipeline NAME --file FILE`: make a build on an embedded control plane."""

import os

from bkagent.cli.command import Call, Command
from bkagent.config.options import bootstrap, logging, server
from bkagent.config.variables import build_variables
from bkagent.errors import ConfigError, Unavailable, Unreachable, UsageError
from bkagent.wire.shown_text import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict

    from bkagent.config.option import Option
    from bkagent.config.settings import Settings
    from bkagent.controlplane.web.rest_api.build_request import BuildRequest


def run(call: Call) -> int:
    """Make the build and print where it is."""
    settings = call.settings
    endpoint, data_folder = settings[server.REST_ENDPOINT], settings[server.DATA]
    if bool(endpoint) == bool(data_folder):
        raise UsageError(
            "set either --data, the folder of the control plane, or --endpoint and --token of a running one"
        )
    request = _request(call)
    slug = settings[server.PIPELINE]
    if endpoint:
        if not settings[server.REST_TOKEN]:
            raise UsageError("--endpoint needs --token, or the environment variable BUILDKITE_API_TOKEN")
        form = _create_by_api(call, endpoint, settings[server.REST_TOKEN].reveal(), slug, request)
    else:
        form = _in_folder(call, data_folder, slug, request)
    if settings[server.AS_JSON]:
        import json

        call.out.write(json.dumps(form, indent=2) + "\n")
    else:
        call.out.write(one_line(f"Build {form['number']}: {form['web_url']}") + "\n")
    return 0


def _request(call: Call) -> "BuildRequest":
    from bkagent.controlplane.web.rest_api.build_request import BuildRequest
    from bkagent.pipeline.document.pipeline_file import read_file, read_stream
    from bkagent.pipeline.document.source import read_pipeline

    settings = call.settings
    env = _pairs(settings, server.BUILD_ENV)
    known = {
        bootstrap.BRANCH.env[0]: settings[server.BRANCH], build_variables.COMMIT: settings[server.COMMIT],
        build_variables.MESSAGE: settings[server.MESSAGE], bootstrap.PIPELINE.env[0]: settings[server.PIPELINE],
    }  # fmt: skip
    path = settings[server.PIPELINE_FILE]
    if path == "-":
        name, content = "standard input", read_stream(call.stdin.buffer, "standard input")
    else:
        name, content = path, read_file(path, path)
    interpolate = not settings[server.NO_INTERPOLATION]
    normalised = read_pipeline(content, name, {**call.environ, **known, **env}, interpolate=interpolate)
    for warning in normalised.warnings:
        call.report("warn", warning)
    return BuildRequest(
        branch=settings[server.BRANCH], commit=settings[server.COMMIT], pipeline=dict(normalised.document),
        message=settings[server.MESSAGE], repository=settings[server.REPOSITORY], env=env,
        meta_data=_pairs(settings, server.BUILD_META_DATA),
    )  # fmt: skip


def _pairs(settings: "Settings", option: "Option") -> "Dict[str, str]":
    pairs = {}
    for pair in settings[option]:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UsageError(settings.invalid_value(option, "NAME=VALUE", pair))
        pairs[key] = value
    return pairs


def _in_folder(call: Call, data_folder: str, slug: str, request: "BuildRequest") -> "Dict[str, Any]":
    """Ask the folder's server where one answers, else make the build in its store."""
    from bkagent.config import paths
    from bkagent.controlplane import server_url
    from bkagent.controlplane.plane.plane import STORE_NAME, Plane
    from bkagent.controlplane.web.context import Site
    from bkagent.controlplane.web.rest_api import builds

    folder = paths.expand(data_folder, call.environ)
    url = server_url.read(folder)
    if url:
        try:
            return _create_by_api(call, url, _api_token(folder), slug, request)
        except Unavailable:
            raise  # it answers, so the folder is its own
        except Unreachable:
            pass  # it was killed: its URL is left, the folder is free
    if not os.path.exists(os.path.join(folder, STORE_NAME)):
        _check_creatable(folder, slug, request)
    plane = Plane.open(folder, ticking=False)
    try:
        build = request.create(plane, slug)
        return builds.describe(Site(plane, url), url, build, plane.jobs.of_build(build.id))
    finally:
        plane.close()


def _check_creatable(folder: str, slug: str, request: "BuildRequest") -> None:
    """Make the build in a folder that goes away again: a build that is refused must not leave a control plane behind.

    Raises PlaneError, ConfigError and HttpError as the true one would.
    """
    import tempfile

    from bkagent.controlplane.plane.plane import Plane

    above = os.path.dirname(os.path.abspath(folder))
    while not os.path.isdir(above) and os.path.dirname(above) != above:
        above = os.path.dirname(above)
    try:
        aside = tempfile.TemporaryDirectory(prefix=".bkagent-", dir=above)
    except OSError as error:
        raise ConfigError(f"cannot make the folder {folder}: {error.strerror}") from None
    with aside as path:
        plane = Plane.open(path, ticking=False)
        try:
            request.create(plane, slug)
        finally:
            plane.close()


def _api_token(folder: str) -> str:
    from bkagent.controlplane.tokens import Tokens

    return Tokens(os.path.join(folder, "tokens")).api


def _create_by_api(call: Call, endpoint: str, token: str, slug: str, request: "BuildRequest") -> "Dict[str, Any]":
    from bkagent.cli.in_job.client import request_log
    from bkagent.remote.rest.rest_client import RestClient

    client = RestClient(endpoint, token, call.environ, call.report, request_log(call))
    try:
        return client.create_build(slug, request.to_wire())
    finally:
        client.close()


COMMAND = Command(
    name="build create",
    description=(
        "With --data, the server of that folder creates the build; if none is running, the build waits in the folder "
        "for the next one. With --endpoint and --token, that server creates it."
    ),
    options=(*logging.SHARED, *server.BUILD_CREATE),
    example="bkagent build create --data ./ci --pipeline app --file pipeline.yml --repository /srv/git/app.git",
    run=run,
)
