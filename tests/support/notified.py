"""Services that are told of news, on loopback: webhooks, a Slack among them, and a mail server."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message

from local.embedded import free_port


class Webhooks:
    """Takes what is posted, by its path, or refuses it. A path that begins with /services is a
    Slack's: it wants JSON with a text or attachments, and says ok."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, Any]]] = []
        self.status = 200
        self.refused = 0
        self.url = ""

    @property
    def host(self) -> str:
        return self.url.partition("://")[2]

    def take(self, path: str, body: bytes) -> tuple[int, bytes]:
        if self.status != 200:
            self.refused += 1
            return self.status, b"not now"
        posted = json.loads(body)
        if path.startswith("/services/") and not (posted.get("text") or posted.get("attachments")):
            return 400, b"no_text"
        self.got.append((path, posted))
        return 200, b"ok"

    def messages(self, path: str = "/hook") -> list[dict[str, Any]]:
        """The news that a webhook got."""
        return [json.loads(posted["message"]) for at, posted in self.got if at == path]


@contextmanager
def webhooks() -> Iterator[Webhooks]:
    taken = Webhooks()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, reply = taken.take(self.path, body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *told: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        taken.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield taken
        server.shutdown()


class Mails(Message):
    """The messages that a mail server took, unless it refuses them for now."""

    def __init__(self) -> None:
        super().__init__()
        self.got: list[Any] = []
        self.refuses = False

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.refuses:
            return "451 not now"
        return str(await super().handle_DATA(server, session, envelope))

    def handle_message(self, message: Any) -> None:
        self.got.append(message)


@contextmanager
def mail_server() -> Iterator[tuple[int, Mails]]:
    """A mail server: its port, and what it took."""
    mails = Mails()
    controller = Controller(mails, hostname="127.0.0.1", port=free_port(), ready_timeout=60)
    controller.start()
    try:
        yield controller.port, mails
    finally:
        controller.stop()
