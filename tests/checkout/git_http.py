"""git's own HTTP backend behind a small server on loopback, for repositories below one folder."""

import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class GitServer:
    """Serves the repositories of `folder` at `url`. With `password`, only to those who know it; `tls` makes it HTTPS.

    `paths` are the requests that came, `authorizations` what they brought to prove who they are.
    """

    def __init__(self, folder, env, password="", tls=None):
        backend = ["git", "http-backend"]
        self.paths, self.authorizations = paths, authorizations = [], []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                paths.append(self.path)
                authorizations.append(self.headers.get("Authorization"))
                if password and not self.headers.get("Authorization"):
                    self.send_response(401)
                    self.send_header("WWW-Authenticate", 'Basic realm="git"')
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                path, _, query = self.path.partition("?")
                body = self._body()
                told = {
                    **env,
                    "GIT_PROJECT_ROOT": folder,
                    "GIT_HTTP_EXPORT_ALL": "1",
                    "PATH_INFO": path,
                    "QUERY_STRING": query,
                    "REQUEST_METHOD": self.command,
                    "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                    "CONTENT_LENGTH": str(len(body)),
                    "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                    "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                    "REMOTE_ADDR": "127.0.0.1",
                }
                ended = subprocess.run(backend, input=body, env=told, capture_output=True)
                head, _, content = ended.stdout.partition(b"\r\n\r\n")
                headers = dict(line.split(": ", 1) for line in head.decode().splitlines() if line)
                self.send_response(int(headers.pop("Status", "200 OK").split()[0]))
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_POST = do_GET

            def _body(self):
                if self.headers.get("Transfer-Encoding") != "chunked":
                    return self.rfile.read(int(self.headers.get("Content-Length") or 0))
                parts = []
                while True:
                    size = int(self.rfile.readline(), 16)
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                    if not size:
                        return b"".join(parts)

            def log_message(self, *words):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *problem):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def available(env):
    """Say whether this git has the backend."""
    ended = subprocess.run(["git", "--exec-path"], env=env, stdout=subprocess.PIPE, check=True)
    return os.path.exists(os.path.join(ended.stdout.decode().strip(), "git-http-backend"))
