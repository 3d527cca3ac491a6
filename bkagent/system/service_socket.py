"""The socket on which a service manager listens to its services (sd_notify(3)).

tell(address, message) -> None     send one message; raises OSError where no manager listens or the system has no such
                                   sockets
"""

import _socket as socket  # `socket` turns all of its constants into enumerations first


def tell(address: str, message: str) -> None:
    """Send `message` to `address`: a path, or "@" and a name that is not in the file system. Never waits."""
    family = getattr(socket, "AF_UNIX", None)  # missing on Windows
    if family is None:
        raise OSError("this system has no Unix sockets")
    sender = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sender.setblocking(False)
        sender.sendto(message.encode(), "\0" + address[1:] if address.startswith("@") else address)
    finally:
        sender.close()
