"""A real sshd on loopback that lets one key in, as the user who runs the tests."""

import os
import shutil
import socket
import subprocess
import threading

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")

_CONFIGURATION = """
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
        configuration = os.path.join(self._folder, "sshd_config")
        # As root, an account without a password counts as locked, unless PAM is asked.
        pam = "yes" if os.geteuid() == 0 else "no"
        with open(configuration, "w", encoding="ascii") as file:
            file.write(_CONFIGURATION.format(folder=self._folder, pam=pam))
        self._argv = [SSHD, "-i", "-e", "-f", configuration]

    def _read(self, name):
        with open(os.path.join(self._folder, name), encoding="ascii") as file:
            return file.read()

    def __enter__(self):
        # The port is ours from its choice to the end: sshd itself, told a port, might find it taken by then.
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=16)
        self.port = self._listener.getsockname()[1]
        self._sessions = []
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()
        with socket.create_connection(("127.0.0.1", self.port), 30) as connection:
            answers = connection.recv(4) == b"SSH-"
        if not answers:
            self.__exit__()
            raise RuntimeError(self._read("log"))
        return self

    def _accept(self):
        with open(os.path.join(self._folder, "log"), "a", encoding="ascii") as log:
            while True:
                try:
                    connection, _ = self._listener.accept()
                except OSError:
                    return
                with connection:
                    session = subprocess.Popen(self._argv, stdin=connection, stdout=connection, stderr=log)
                self._sessions.append(session)

    def __exit__(self, *problem):
        # Woken before the descriptor is free: else the thread might go on with the listener that has its number next.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join()
        self._listener.close()
        for session in self._sessions:
            session.kill()
            session.wait()
