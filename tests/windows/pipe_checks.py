"""What a local socket does on Windows, by itself and below the job's server. Run by a Windows Python.

    python pipe_checks.py CHECKOUT

prints the name of each check that holds; the first that does not ends it with a traceback.
"""

import _socket
import _winapi
import ctypes
import errno
import os
import sys
import tempfile
import threading

sys.path.insert(0, sys.argv[1])

from bkagent.localapi.job_server import JobServer
from bkagent.system import _pipe_security_windows as security
from bkagent.system import local_socket

WAIT_S = 30.0
ENV = "/api/current-job/v0/env"


def pair():
    """Return a listener and both ends of a connection."""
    address = local_socket.new_address("", "test")
    listener = local_socket.listen(address, 4)
    client = local_socket.connect(address, WAIT_S)
    server = local_socket.accept(listener)
    server.settimeout(WAIT_S)
    return listener, server, client


def close(*parts):
    for part in parts:
        part.close()


def raises(kind, call, *arguments):
    try:
        call(*arguments)
    except kind as problem:
        return str(problem)
    raise AssertionError(f"no {kind.__name__}")


def read_all(client):
    return b"".join(iter(lambda: client.recv(65536), b""))


def check_what_was_written_before_the_end_is_read():
    listener, server, client = pair()
    server.sendall(b"x" * 50_000)
    server.close()
    assert read_all(client) == b"x" * 50_000
    raises(BrokenPipeError, client.sendall, b"x")
    close(client, listener)


def check_more_than_the_buffers_hold_goes_both_ways():
    listener, server, client = pair()
    echo = threading.Thread(target=lambda: [server.sendall(block) for block in iter(lambda: server.recv(65536), b"")])
    echo.start()
    sending = threading.Thread(target=client.sendall, args=(b"y" * 1_000_000,))
    received = 0
    sending.start()
    while received < 1_000_000:
        received += len(client.recv(65536))
    sending.join()
    client.close()
    echo.join()
    close(server, listener)


def check_limits_of_time():
    listener, server, client = pair()
    client.settimeout(0.01)
    raises(_socket.timeout, client.recv, 1)
    raises(_socket.timeout, client.sendall, b"z" * 1_000_000)
    client.settimeout(0)
    raises(BlockingIOError, client.recv, 1)
    close(server, client, listener)


def check_looking_takes_nothing():
    listener, server, client = pair()
    server.settimeout(0)
    raises(BlockingIOError, server.recv, 1, _socket.MSG_PEEK)
    client.sendall(b"ab")
    assert server.recv(1, _socket.MSG_PEEK) == b"a" and server.recv(9) == b"ab"
    client.close()
    assert server.recv(1, _socket.MSG_PEEK) == b""
    close(server, listener)


def check_another_thread_ends_a_wait():
    listener, server, client = pair()
    threading.Timer(0.01, server.shutdown, (2,)).start()
    assert server.recv(1) == b"" and server.recv(1) == b""
    raises(BrokenPipeError, server.sendall, b"x")
    close(server, client, listener)


def check_writing_nothing_ends_nothing():
    listener, server, client = pair()
    _winapi.WriteFile(client._handle, b"", overlapped=True)[0].GetOverlappedResult(True)
    client.sendall(b"a")
    assert server.recv(9) == b"a"
    close(server, client, listener)


def check_clients_wait_for_their_turn():
    address = local_socket.new_address("", "test")
    listener = local_socket.listen(address, 2)
    answers = []

    def ask():
        client = local_socket.connect(address, WAIT_S)
        answers.append(read_all(client))
        client.close()

    threads = [threading.Thread(target=ask) for _ in range(40)]
    for thread in threads:
        thread.start()
    for _ in threads:
        server = local_socket.accept(listener)
        server.sendall(b"hello")
        server.close()
    for thread in threads:
        thread.join()
    assert answers == [b"hello"] * 40
    last = local_socket.connect(address, WAIT_S)
    problem = raises(BlockingIOError, local_socket.connect, address, 0.01)
    assert "no room for another client" in problem
    close(last, listener)
    raises(FileNotFoundError, local_socket.connect, address, WAIT_S)


def check_only_the_user_may_connect():
    listener, server, client = pair()
    sid = security.own_sid()
    assert security.owner_sid(client._handle) == sid
    assert sddl(client._handle) == f"O:{sid}D:P(A;;GA;;;{sid})(A;;GA;;;SY)"
    close(server, client, listener)


def sddl(handle):
    descriptor, text = ctypes.c_void_p(), ctypes.c_wchar_p()
    pointer = ctypes.byref(descriptor)
    assert security._advapi32.GetSecurityInfo(handle, 6, 5, None, None, None, None, pointer) == 0
    convert = ctypes.windll.advapi32.ConvertSecurityDescriptorToStringSecurityDescriptorW
    assert convert(descriptor, 1, 5, ctypes.byref(text), None)
    return text.value


def check_nothing_is_sent_to_another_user():
    address, descriptor = local_socket.new_address("", "test"), ctypes.c_void_p()
    convert = security._advapi32.ConvertStringSecurityDescriptorToSecurityDescriptorW
    assert convert("O:S-1-5-21-1-2-3-1001D:(A;;GA;;;WD)", 1, ctypes.byref(descriptor), None)
    attributes = security._SecurityAttributes(ctypes.sizeof(security._SecurityAttributes), descriptor, False)
    handle = _winapi.CreateNamedPipe(address, 3, 0, 2, 512, 512, 0, ctypes.addressof(attributes))
    problem = raises(PermissionError, local_socket.connect, address, WAIT_S)
    assert "another user (S-1-5-21-1-2-3-1001): nothing was sent" in problem, problem
    _winapi.CloseHandle(handle)


def check_windows_is_asked_to_keep_others_out():
    """By what it is told, since Wine heeds neither the flag of the first instance nor other machines."""
    made, opened, create, open_file = [], [], _winapi.CreateNamedPipe, _winapi.CreateFile

    def record_pipe(name, open_mode, pipe_mode, *rest):
        attributes = security._SecurityAttributes.from_address(rest[-1])
        made.append((open_mode, pipe_mode, bool(attributes.descriptor), attributes.is_inherited))
        return create(name, open_mode, pipe_mode, *rest)

    def record_file(name, access, share, attributes, disposition, flags, template):
        opened.append((share, attributes, flags))
        return open_file(name, access, share, attributes, disposition, flags, template)

    _winapi.CreateNamedPipe, _winapi.CreateFile = record_pipe, record_file
    try:
        listener, server, client = pair()
    finally:
        _winapi.CreateNamedPipe, _winapi.CreateFile = create, open_file
    duplex, overlapped, first, reject_remote = 0x3, 0x40000000, 0x80000, 0x8
    assert made[0] == (duplex | overlapped | first, reject_remote, True, 0), made
    assert set(made[1:]) == {(duplex | overlapped, reject_remote, True, 0)}, made
    sqos_present, identification = 0x100000, 0x10000  # the server may know who the client is, and no more
    assert opened == [(0, 0, overlapped | sqos_present | identification)], opened
    close(server, client, listener)


def check_a_name_that_is_taken_is_refused():
    """By its only instance, since Wine does not look at the flag of the first one."""
    address = local_socket.new_address("", "test")
    taken = _winapi.CreateNamedPipe(address, 3, 0, 1, 512, 512, 0, 0)
    try:
        local_socket.listen(address, 1)
        raise AssertionError("two servers have one name")
    except OSError as problem:
        assert problem.errno == errno.EADDRINUSE and "another program has this name" in str(problem)
    _winapi.CloseHandle(taken)
    local_socket.listen(address, 1).close()


def check_a_file_may_name_a_pipe():
    listener, server, client = pair()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "agent-leader")
        assert local_socket.link_target(path) == ""
        local_socket.link(path, local_socket.new_address("", "test"))
        raises(FileNotFoundError, local_socket.connect, path, WAIT_S)
        local_socket.link(path, listener._name)
        assert local_socket.link_target(path) == listener._name and os.listdir(folder) == ["agent-leader"]
        local_socket.connect(path, WAIT_S).close()
        with open(path, "w") as file:
            file.write(r"\\server\pipe\bkagent")
        assert "neither a named pipe" in raises(FileNotFoundError, local_socket.connect, path, WAIT_S)
    close(server, client, listener)


class State:
    """A job with one variable."""

    def env(self):
        return {"A": "1"}

    def redacted(self, text):
        return text


def request(token, line=f"GET {ENV}", body=b"", length=None):
    head = f"{line} HTTP/1.1\r\nHost: job\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n"
    return f"{head}Content-Length: {len(body) if length is None else length}\r\n\r\n".encode() + body


def check_clients_that_are_silent_or_stop_half_way_keep_nobody_waiting():
    server = JobServer("", State(), None)
    address, token = server.start()
    waiting = [local_socket.connect(address, WAIT_S) for _ in range(30)]
    for number, client in enumerate(waiting):
        client.sendall((b"", b"GET /", request(token, f"PATCH {ENV}", b"{", 100))[number % 3])
    for _ in range(3):
        client = local_socket.connect(address, WAIT_S)
        client.sendall(request(token))
        assert read_all(client).endswith(b'\r\n\r\n{"env":{"A":"1"}}\n')
        client.close()
    refused = local_socket.connect(address, WAIT_S)
    refused.sendall(request("x", f"PATCH {ENV}", b"x" * 800_000))
    assert b"invalid authorization token" in read_all(refused)
    server.stop()  # and the end of the job does not wait for them either
    for client in waiting:
        assert not client.recv(9) or client.recv(99999)
        client.close()
    raises(FileNotFoundError, local_socket.connect, address, WAIT_S)


for name, check in list(globals().items()):
    if name.startswith("check_"):
        check()
        print(name[6:], flush=True)
