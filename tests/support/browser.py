"""A real Chromium, and a site for it to look at: in this process, and without any other."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask
from playwright.sync_api import Browser, sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server

CHROMIUM = shutil.which("chromium")
ARGUMENTS = """--no-sandbox --disable-background-networking --disable-component-update
    --disable-sync --no-first-run --disable-quic --disable-gpu""".split()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium; Playwright's own need not be there."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *arguments: object) -> None: ...


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """Let an app listen; gives its URL."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    server.daemon_threads = True  # type: ignore[attr-defined]  # of its threaded class
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()
