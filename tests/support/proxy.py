"""A TCP port in front of a server: with TLS for one that has none, or for one on a socket file."""

import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


@contextmanager
def proxy(connect: Callable[[], socket.socket], tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Pass each connection to a port of this machine on to one that `connect` makes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_accept, args=(server, connect, tls), daemon=True).start()
        yield server.getsockname()[1]


def _accept(
    server: socket.socket, connect: Callable[[], socket.socket], tls: ssl.SSLContext | None
) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return  # closed
        threading.Thread(target=_serve, args=(client, connect, tls), daemon=True).start()


def _serve(
    client: socket.socket, connect: Callable[[], socket.socket], tls: ssl.SSLContext | None
) -> None:
    with suppress(OSError), client, connect() as far:
        if tls is None:
            _pass(client, far)
        else:
            with tls.wrap_socket(client, server_side=True) as near:
                _pass(near, far)


def _pass(near: socket.socket, far: socket.socket) -> None:
    """Pass on what either end says, until one has no more to say."""
    while True:
        decrypted = isinstance(near, ssl.SSLSocket) and near.pending()
        ready = [near] if decrypted else select.select([near, far], [], [])[0]
        for source in ready:
            data = source.recv(65_536)
            if not data:
                return
            (far if source is near else near).sendall(data)
