"""A real sshd on loopback that lets one key in, as the user who runs the tests."""

import os
import shutil
import socket
import subprocess
import time

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")

_CONFIGURATION = """
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host
PidFile none
AuthorizedKeysFile {folder}/authorized
StrictModes no
UsePAM {pam}
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
"""


class SshServer:
    """Use as `with SshServer(folder) as server`. `port`, `key` (text of the private key that is let in), `host_key`.

    Raises RuntimeError, with sshd's words, where this machine's sshd cannot be run so.
    """

    def __init__(self, folder):
        self._folder = str(folder)
        for name in ("host", "user"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", os.path.join(self._folder, name)], check=True
            )
        shutil.copy(os.path.join(self._folder, "user.pub"), os.path.join(self._folder, "authorized"))
        self.key = self._read("user")
        self.host_key = self._read("host.pub").split()[1]
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
        configuration = os.path.join(self._folder, "sshd_config")
        # As root, an account without a password counts as locked, unless PAM is asked.
        pam = "yes" if os.geteuid() == 0 else "no"
        with open(configuration, "w", encoding="ascii") as file:
            file.write(_CONFIGURATION.format(port=self.port, folder=self._folder, pam=pam))
        self._argv = [SSHD, "-D", "-e", "-f", configuration]

    def _read(self, name):
        with open(os.path.join(self._folder, name), encoding="ascii") as file:
            return file.read()

    def __enter__(self):
        with open(os.path.join(self._folder, "log"), "w", encoding="ascii") as log:
            self._process = subprocess.Popen(self._argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until = time.monotonic() + 30
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(self._read("log"))
            time.sleep(0.02)
        return self

    def _answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                return connection.recv(4) == b"SSH-"
        except OSError:
            return False

    def __exit__(self, *problem):
        self._process.terminate()
        self._process.wait()
