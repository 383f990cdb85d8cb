"""A real Chromium, and a site for it to look at: in this process, and without any other."""

import re
import shutil
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from playwright.sync_api import Browser, Locator, expect, sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.test import run_wsgi_app

CHROMIUM = shutil.which("chromium")
SLOW = 15_000  # bytes of a page that a slow line brings in pieces
ARGUMENTS = """--no-sandbox --disable-background-networking --disable-component-update
    --disable-sync --no-first-run --disable-quic --disable-gpu""".split()
expect.set_options(timeout=30_000)  # milliseconds: a busy machine's share included


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


def through(link: Locator) -> None:
    """Click what leads to another page, and wait until all of that is there."""
    page = link.page
    with page.expect_event("domcontentloaded"):  # which a script that tells its address does not
        link.click()
    page.wait_for_load_state()


def in_pieces(wsgi: Any) -> Any:
    """Answer with pages as a slow line brings them: unzipped, what stands over the rows 200 bytes
    and the rest of a tag at a time. All else comes as it is."""

    def app(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        if not environ["PATH_INFO"].startswith("/static"):
            environ.pop("HTTP_ACCEPT_ENCODING", None)
        chunks, status, headers = run_wsgi_app(wsgi, environ, buffered=True)
        start(status, list(headers))
        body = b"".join(chunks)
        if headers.get("Content-Type", "").startswith("text/html"):
            slow, body = body[:SLOW], body[SLOW:]
            for piece in re.findall(rb"(?s).{1,200}[^>]*>?", slow):
                yield piece
                time.sleep(0.01)
        yield body

    return app
