"""A file server on this machine that can misbehave in every way that a download must survive."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PIECE = 16 * 1024

Behaviour = Callable[["Answer"], None]


@dataclass
class FileServer:
    """What is served, how, and what was asked for."""

    files: dict[str, bytes]
    behaviour: Behaviour
    url: str = ""
    asked: list[tuple[str, str | None]] = field(default_factory=list)  # path and Range of every request
    sent: int = 0  # bytes of bodies
    etag: str | None = '"one"'
    bytes_per_s: float | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)
    closing: threading.Event = field(default_factory=threading.Event)


class Answer(BaseHTTPRequestHandler):
    """One request, with the pieces that behaviours are made of."""

    protocol_version = "HTTP/1.1"
    files: FileServer
    body: bytes
    start: int  # the byte where the asked Range begins; 0 without one

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        with self.files.lock:
            self.files.asked.append((self.path, wanted))
        self.close_connection = True
        self.body = self.files.files.get(self.path, b"")
        if_range = self.headers.get("If-Range")
        fresh = wanted is None or (if_range is not None and if_range != self.files.etag)
        self.start = 0 if fresh or wanted is None else int(wanted.removeprefix("bytes=").rstrip("-"))
        with contextlib.suppress(OSError):
            self.files.behaviour(self)

    def head(self, status: int, **headers: str | int) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        if self.files.etag:
            self.send_header("ETag", self.files.etag)
        self.send_header("Connection", "close")
        self.end_headers()

    def send(self, data: bytes) -> None:
        for i in range(0, len(data), PIECE):
            piece = data[i : i + PIECE]
            self.wfile.write(piece)
            with self.files.lock:
                self.files.sent += len(piece)
            if self.files.bytes_per_s:
                time.sleep(len(piece) / self.files.bytes_per_s)

    def partial_head(self, first: int, last: int, total: int, length: int) -> None:
        self.head(206, Content_Range=f"bytes {first}-{last}/{total}", Content_Length=length)

    def log_message(self, *_arguments: object) -> None:
        pass


def honest(answer: Answer) -> None:
    size = len(answer.body)
    if not answer.body:
        answer.head(404, Content_Length=0)
        return
    if answer.start:
        answer.partial_head(answer.start, size - 1, size, size - answer.start)
    else:
        answer.head(200, Content_Length=size)
    answer.send(answer.body[answer.start :])


@contextlib.contextmanager
def file_server(files: dict[str, bytes], behaviour: Behaviour = honest) -> Iterator[FileServer]:
    """Serve `files`, by path, on a free port of this machine."""
    served = FileServer(files, behaviour)
    handler = type("BoundAnswer", (Answer,), {"files": served})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        served.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield served
        finally:
            served.closing.set()
            server.shutdown()
            thread.join()


def short(answer: Answer) -> None:
    """Send a byte less than there is, and say so."""
    answer.head(200, Content_Length=len(answer.body) - 1)
    answer.send(answer.body[:-1])


def web_page(answer: Answer) -> None:
    """Send a web page of the right length."""
    answer.head(200, Content_Type="text/html; charset=utf-8", Content_Length=len(answer.body))
    answer.send(b"<html>".ljust(len(answer.body)))


def wrong_bytes(answer: Answer) -> None:
    """Send zeros of the right length."""
    answer.head(200, Content_Length=len(answer.body))
    answer.send(bytes(len(answer.body)))
