"""An authority of the tests' own, and a certificate of it for `localhost`, 127.0.0.1 and `agent.test`."""

import shutil
import ssl
import subprocess
from pathlib import Path


def make(folder: Path, *more_names: str) -> Path:
    """Make both in `folder` and return it: `ca.pem` is what clients are to trust. `more_names` are of hosts."""
    openssl = shutil.which("openssl")
    if not openssl:
        import pytest  # here, as the benches make certificates without it

        pytest.skip("there is no openssl to make certificates with")

    def run(*words: str) -> None:
        subprocess.run([str(openssl), *words], cwd=folder, check=True, capture_output=True)

    run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=CA",
        "-days", "2", "-addext", "keyUsage=critical,keyCertSign")  # fmt: skip
    run("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
    hosts = "".join(f",DNS:{name}" for name in more_names)
    (folder / "names").write_text(f"subjectAltName=DNS:localhost,DNS:agent.test,IP:127.0.0.1{hosts}\n")
    run("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
        "-extfile", "names", "-out", "server.pem")  # fmt: skip
    return folder


def server_side(folder: Path) -> ssl.SSLContext:
    """Return what a server at one of the names needs."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(str(folder / "server.pem"), str(folder / "server.key"))
    return made
