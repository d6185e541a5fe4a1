"""Servers on localhost that answer well, badly, slowly or not at all."""

import socket
import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tables import CONTENT

from gluonbook_ch7.dataset.parse import FILE_NAME


@contextmanager
def serving(answer):
    """Run a server on localhost that answers every GET by `answer(handler)`; yield its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            # The client of a slow server has long left.
            with suppress(ConnectionError):
                answer(self)

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        threading.Thread(target=httpd.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}/{FILE_NAME}"
        httpd.shutdown()


@contextmanager
def server(status=200, content=CONTENT, before=lambda: None):
    """Serve one answer; yield the address and the list of requests so far."""
    requests = []

    def answer(handler):
        requests.append(handler.path)
        before()
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    with serving(answer) as address:
        yield address, requests


@contextmanager
def dripping_server():
    """Answer with a byte now and then, so that no single read ever times out; yield the address."""
    enough = threading.Event()

    def answer(handler):
        handler.send_response(200)
        handler.end_headers()
        while not enough.wait(0.05):
            handler.wfile.write(b"8")

    with serving(answer) as address:
        yield address
        enough.set()


@contextmanager
def mute_server():
    """Take connections and never answer; yield the address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/{FILE_NAME}"


@contextmanager
def halting_server(content=CONTENT):
    """Send half of the file and then nothing; yield the address and the event of having done so."""
    halfway, enough = threading.Event(), threading.Event()

    def answer(handler):
        send_half(handler, content)
        halfway.set()
        enough.wait(60)

    with serving(answer) as address:
        yield address, halfway
        enough.set()


def send_half(handler, content=CONTENT):
    """Announce the whole of a file and send half of it."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content[: len(content) // 2])


@contextmanager
def refusing_server():
    """Keep a port at which nobody listens; yield its address."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{closed.getsockname()[1]}/{FILE_NAME}"


@contextmanager
def wrong_server(status=200, content=b""):
    """Serve the same wrong answer to everybody; yield the address."""
    with server(status, content) as (address, _):
        yield address


@contextmanager
def redirecting_server(to):
    """Send everybody on to the address `to(handler)`; yield the own address."""

    def answer(handler):
        handler.send_response(302)
        handler.send_header("Location", to(handler))
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    with serving(answer) as address:
        yield address


WRONG_BYTE = CONTENT[:40] + bytes([CONTENT[40] ^ 1]) + CONTENT[41:]
PAGE = b"\n<!DOCTYPE html>\n<html><body>Please sign in</body></html>\n"

# Each way in which a server fails: how to run one, and what the error says of it.
FAULTS = {
    "refused": (refusing_server, r"no connection \(Connection refused\)"),
    "silent": (mute_server, r"no answer within [\d.]+ s"),
    "dripping": (dripping_server, r"(too slow: \d+ bytes in|no answer within) [\d.]+ s"),
    "404": (lambda: wrong_server(404), "404 Not Found"),
    "cut off": (lambda: serving(send_half), "the connection was closed before the end of the file"),
    "one byte wrong": (lambda: wrong_server(content=WRONG_BYTE), r"another file \(wrong sha256\)"),
    "redirect loop": (
        lambda: redirecting_server(lambda handler: handler.path),
        "too many redirects",
    ),
    "web page": (lambda: wrong_server(content=PAGE), "a web page, not the file"),
}
