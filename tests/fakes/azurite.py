"""Azurite, Microsoft's own emulator of Azure Blob storage, which checks every signature and token.

It is an npm package: `.ci/run` installs it below `.venv/azurite`. Tests that use it are skipped where it is missing.
"""

from __future__ import annotations

import base64
import shutil
import socket
import subprocess
import time
from email.utils import formatdate
from pathlib import Path
from typing import Sequence, Tuple
from urllib.parse import quote, urlencode, urlsplit

import pytest

from bkagent.cloud.azure.shared_key import SharedKey
from bkagent.transport.client.http_client import Pool
from bkagent.transport.client.response import Response
from tests.fakes.agent_process import clean_environment
from tests.fakes.conditions import until

VERSION = "3.35.0"
PROGRAM = Path(__file__).resolve().parents[2] / ".venv" / "azurite" / "node_modules" / ".bin" / "azurite-blob"
HOST = ".blob.core.windows.net"
ACCOUNT = "teststore"
KEY = base64.b64encode(b"a key of the tests, which opens nothing else" * 2).decode()


class Azurite:
    """A server of one account, over https, with the certificate of `certificates.make(folder, "*" + HOST)`.

    Names of Azure lead to it through a TunnelProxy to `port`; `endpoint` is its own address.
    """

    def __init__(self, certificates: Path, folder: Path) -> None:
        if not PROGRAM.exists() or not shutil.which("node"):
            pytest.skip(f"Azurite is not installed (npm install --prefix .venv/azurite azurite@{VERSION})")
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
        words = ["--inMemoryPersistence", "--silent", "--disableTelemetry", "--skipApiVersionCheck"]
        words += ["--blobPort", str(self.port), "--oauth", "basic"]
        words += ["--cert", str(certificates / "server.pem"), "--key", str(certificates / "server.key")]
        with (folder / "azurite.log").open("wb") as log:
            self._process = subprocess.Popen(
                [str(PROGRAM), *words], cwd=str(folder), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**clean_environment(folder), "AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"},
            )  # fmt: skip
        self.endpoint = f"https://127.0.0.1:{self.port}/{ACCOUNT}"
        self.connection_string = f"AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={self.endpoint}"
        self._pool = Pool(self.endpoint, {"SSL_CERT_FILE": str(certificates / "ca.pem")})

    def __enter__(self) -> Azurite:
        until(self._answers)
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.close()
        self._process.terminate()
        self._process.wait(30)

    def _answers(self) -> bool:
        assert self._process.poll() is None, "Azurite has ended"
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
        except OSError:
            return False
        return True

    def create_container(self, name: str) -> None:
        """Make an empty container."""
        response = self._request("PUT", f"/{name}", [("restype", "container")])
        assert response.status == 201, response.body

    def blob(self, container: str, name: str) -> Response:
        """Return what Azurite has of a blob: its content, and its properties as headers."""
        response = self._request("GET", f"/{container}/{quote(name)}")
        assert response.status == 200, response.body
        return response

    def signature(self, container: str, permissions: str, lifetime_s: float = 600.0) -> str:
        """Return a shared access signature for all blobs of a container, as the owner of the account makes it."""
        expiry = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + lifetime_s))
        resource = f"/blob/{ACCOUNT}/{container}"
        text = "\n".join([permissions, "", expiry, resource, "", "", "", "2021-12-02", "c", *[""] * 7])
        signed = SharedKey.read(ACCOUNT, KEY, "the tests").sign(text)
        return urlencode({"sv": "2021-12-02", "sr": "c", "sp": permissions, "se": expiry, "sig": signed})

    def _request(self, method: str, path: str, query: Sequence[Tuple[str, str]] = ()) -> Response:
        url = self.endpoint + path
        headers = {"x-ms-version": "2021-12-02", "x-ms-date": formatdate(usegmt=True)}
        key = SharedKey.read(ACCOUNT, KEY, "the tests")
        headers["Authorization"] = key.authorization(method, urlsplit(url).path, query, headers)
        return self._pool.request_url(method, f"{url}?{urlencode(query)}", headers)
