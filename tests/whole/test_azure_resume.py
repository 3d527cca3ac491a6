"""An upload to Azure that is killed: the same command again sends only what Azure has not acknowledged."""

from __future__ import annotations

import base64
import re
import sys
import threading
from pathlib import Path
from typing import Any, Dict, List
from urllib.parse import parse_qs

from tests.fakes.artifact_records import ArtifactRecords
from tests.fakes.azurite import ACCOUNT, HOST, KEY
from tests.fakes.conditions import until
from tests.fakes.scripted_server import Answer, Request, ScriptedServer
from tests.whole.running import Running, bkagent

MEBIBYTE = 1024 * 1024
BLOCKS_COUNT = 5
ACKNOWLEDGED = {"x-ms-request-id": "1"}


class Blocks:
    """The Blob service for one blob. It answers no more than `limit_count` blocks until it is `released`."""

    def __init__(self, limit_count: int) -> None:
        self.limit_count, self.released = limit_count, threading.Event()
        self.acknowledged: Dict[str, bytes] = {}
        self.sent: List[str] = []
        self.blob = b""
        self._lock = threading.Lock()
        self.server = ScriptedServer({"*": self._answer})

    def _answer(self, request: Request) -> Any:
        query = {name: values[0] for name, values in parse_qs(request.query).items()}
        if request.method == "GET":
            names = "".join(
                f"<Block><Name>{name}</Name><Size>{len(content)}</Size></Block>"
                for name, content in self.acknowledged.items()
            )
            text = f"<BlockList><UncommittedBlocks>{names}</UncommittedBlocks></BlockList>"
            return Answer(200, body=text.encode(), headers=ACKNOWLEDGED)
        if query["comp"] == "block":
            return self._take(query["blockid"], request.body)
        names = re.findall(rb"<Latest>([^<]+)</Latest>", request.body)
        self.blob = b"".join(self.acknowledged[name.decode()] for name in names)
        return Answer(201, headers=ACKNOWLEDGED)

    def _take(self, name: str, content: bytes) -> Answer:
        with self._lock:
            held = len(self.acknowledged) >= self.limit_count and not self.released.is_set()
            if not held:
                self.sent.append(name)
                self.acknowledged[name] = content
        if held:
            self.released.wait(60)
        return Answer(201, headers=ACKNOWLEDGED)


def test_no_block_that_azure_has_is_sent_again(archive: str, tmp_path: Path) -> None:
    content = b"".join(bytes([number]) * (16 * MEBIBYTE) for number in range(BLOCKS_COUNT))[:-MEBIBYTE]
    (tmp_path / "a.bin").write_bytes(content)
    blocks = Blocks(limit_count=3)
    with blocks.server, ArtifactRecords() as plane:
        text = f"AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={blocks.server.url}/{ACCOUNT}"
        variables = {
            **plane.variables, "HOME": str(tmp_path), "BUILDKITE_AZURE_BLOB_CONNECTION_STRING": text,
        }  # fmt: skip
        words = ("artifact", "upload", "*.bin", f"https://{ACCOUNT}{HOST}/box/x")
        with Running([sys.executable, archive, *words], tmp_path, tmp_path / "said", variables) as first:
            until(lambda: len(blocks.acknowledged) == 3)
            first.process.kill()
            first.process.wait()
        blocks.released.set()
        done = bkagent(archive, *words, cwd=tmp_path, env=variables)
        assert done.status == 0, done.text
        assert blocks.blob == content and len(plane.records) == 1, done.text
        assert len(blocks.sent) == len(set(blocks.sent)) == BLOCKS_COUNT
        uploads = {base64.b64decode(name).partition(b"-")[0] for name in blocks.sent}
        assert len(uploads) == 1
