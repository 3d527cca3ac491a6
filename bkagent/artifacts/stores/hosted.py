"""The control plane's own storage: it says with each batch how its files are to be sent, as a form or in parts."""

from __future__ import annotations

from bkagent.artifacts.stores.answers import check, pass_head_to
from bkagent.artifacts.stores.fetch_range import WHOLE, FetchRange
from bkagent.artifacts.stores.form import Form
from bkagent.artifacts.stores.store import SILENCE_LIMIT_S, ArtifactStore, StoreUpload, UploadPart, WholeRequest
from bkagent.errors import AgentError, WireError
from bkagent.system.small_digests import sha256_hex
from bkagent.transport.client.body import FileBody
from bkagent.transport.client.http_client import Pool
from bkagent.wire.artifacts import Action, Artifact, Instructions
from bkagent.wire.human_size import format_size
from bkagent.wire.shown_text import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Mapping, Optional, Tuple

    from bkagent.artifacts.stores.store import Receive

# What storages take in one request. https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
LARGEST_FORM_BYTES = 5 * 1024**3


class HostedStore(ArtifactStore):
    """Sends what the instructions of a batch say, and downloads what the URLs of records lead to."""

    title = "default Buildkite artifact storage"

    def __init__(self, pool: Pool, user_agent: str) -> None:
        self._pool, self._user_agent = pool, user_agent
        self._form: Optional[Form] = None  # of the last batch

    def prepare(self) -> None:
        """Do nothing: each batch says where it goes."""

    def url_of(self, artifact_path: str) -> str:
        """Return "": the control plane knows."""
        return ""

    def begin(self, artifact: Artifact, instructions: Optional[Instructions], saved: Mapping[str, Any]) -> StoreUpload:
        """Return the upload that the instructions describe; sends nothing."""
        if instructions is None:
            raise WireError(f"artifact batch: there are no upload instructions for artifact {artifact.id}")
        if instructions.actions:
            return _PartsUpload(self._pool, self._user_agent, artifact, instructions.actions)
        if artifact.size > LARGEST_FORM_BYTES:
            raise AgentError(
                f"{one_line(artifact.path)} has {format_size(artifact.size)}; the control plane takes it in a single "
                f"request, and such a request carries {format_size(LARGEST_FORM_BYTES)} at most"
            )
        return _FormUpload(self._pool, self._user_agent, artifact, instructions)

    def whole_request(
        self, artifact: Artifact, instructions: Optional[Instructions], content: bytes
    ) -> Optional[WholeRequest]:
        """Return the form with a small file."""
        if instructions is None or instructions.actions:
            return None
        if self._form is None or self._form.instructions is not instructions:
            self._form = Form(instructions, self._user_agent)
        return self._form.request(artifact, content)

    def fetch(self, artifact: Artifact, receive: Receive, wanted: FetchRange = WHOLE) -> None:
        """Download from the record's URL, by a range where that is not the whole."""
        headers = {"User-Agent": self._user_agent, **wanted.headers("If-Range")}
        response = self._pool.request_url(
            "GET", artifact.url, headers, timeout_s=SILENCE_LIMIT_S, open_sink=pass_head_to(receive)
        )  # fmt: skip
        check("GET", artifact.url, response)


class _FormUpload(StoreUpload):
    """A whole file in a form."""

    def __init__(self, pool: Pool, user_agent: str, artifact: Artifact, instructions: Instructions) -> None:
        self._pool, self._user_agent = pool, user_agent
        self._artifact, self._instructions = artifact, instructions
        self.parts = (UploadPart(1, 0, artifact.size),)

    def abandon(self) -> None:
        """Do nothing: there is nothing of a form that has not arrived."""

    def send(self, part: UploadPart, body: FileBody) -> str:
        form = Form(self._instructions, self._user_agent)
        whole_form = body.between(form.before(self._artifact), form.after)
        response = self._pool.request_url(form.method, form.url, form.headers, whole_form, timeout_s=SILENCE_LIMIT_S)
        check(form.method, form.url, response)
        return ""

    def finish(self, tags: Mapping[int, str]) -> Mapping[int, str]:
        return {}


class _PartsUpload(StoreUpload):
    """A file in the parts that the control plane asks for. They differ by a byte at most; the first are the longer."""

    in_parts = True

    def __init__(self, pool: Pool, user_agent: str, artifact: Artifact, actions: Tuple[Action, ...]) -> None:
        self._pool, self._user_agent, self._artifact = pool, user_agent, artifact
        self._actions: Dict[int, Action] = dict(enumerate(actions, 1))
        share, rest = divmod(artifact.size, len(actions))
        self.parts = tuple(
            UploadPart(number, (number - 1) * share + min(number - 1, rest), share + (1 if number <= rest else 0))
            for number in self._actions
        )
        self.saved = {"upload": _upload_of(actions[0].url)}

    def abandon(self) -> None:
        """Do nothing: the control plane is told by the state of the artifact."""

    def send(self, part: UploadPart, body: FileBody) -> str:
        action = self._actions[part.number]
        headers = {"User-Agent": self._user_agent, "Content-Type": self._artifact.content_type}
        method = action.method or "POST"
        response = self._pool.request_url(method, action.url, headers, body, timeout_s=SILENCE_LIMIT_S)
        check(method, action.url, response)
        tag = response.headers.get("ETag")
        if not tag:
            raise WireError(
                f"part {part.number} of {one_line(self._artifact.path)}: the storage answered without an ETag"
            )
        return tag

    def finish(self, tags: Mapping[int, str]) -> Mapping[int, str]:
        """Return the tags by the numbers that the control plane gave its parts."""
        return {self._actions[number].part_number or number: tag for number, tag in tags.items()}


def _upload_of(url: str) -> str:
    """Return what of a part's URL names the upload: signatures and their times differ each time that it is made."""
    from urllib.parse import urlsplit  # a form needs none of it

    parts = urlsplit(url)
    names = [text for text in parts.query.split("&") if text.lower().startswith("uploadid=")]
    return sha256_hex("&".join([parts.netloc, parts.path, *names]).encode("utf-8", "replace"))
