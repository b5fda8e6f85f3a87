"""Opening sources: what is asked, by which way, and whom it trusts."""

import contextlib
import hashlib
import os
import select
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from engines.downloading import source
from engines.downloading.policy import DownloadPolicy, UntrustedSourceError
from engines.downloading.source import Line, open_source
from engines.tests.file_server import file_server

CONTENT = b"weights" * 1000
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl, to make a certificate")


class CarelessPolicy(DownloadPolicy):
    """Lets every address through, so that what is behind it shows."""

    def check(self, address: str, first_address: str) -> None:
        pass


def test_address_on_this_machine_is_refused_whatever_its_name() -> None:
    """A name in the public DNS may lead anywhere."""
    with file_server({"/a": b"secret"}) as server:
        port = server.url.rpartition(":")[2]
        for host in ("127.0.0.1", "localhost"):
            with pytest.raises(UntrustedSourceError, match="on this machine or its network"):
                open_source(f"http://{host}:{port}/a", {}, CarelessPolicy(), Line(25, threading.Event()))
        assert server.asked == []


@pytest.mark.parametrize(
    ("host", "public"),
    [
        ("140.82.121.3", True),
        ("2606:50c0:8000::154", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:140.82.121.3", True),
    ],
)
def test_only_public_hosts_are_public(host: str, public: bool) -> None:
    assert source._is_public(host) == public


# HTTPS as it is on the way to a public host: by a proxy of the environment, with certificates of the environment


@dataclass
class Web:
    """Hosts behind a proxy."""

    environment: dict[str, str]
    connected: list[str] = field(default_factory=list)  # what the proxy was asked to connect to
    asked: list[str] = field(default_factory=list)  # host and path of every request


@contextlib.contextmanager
def web(folder: Path, redirects: Mapping[str, str], stalls: bool = False) -> Iterator[Web]:
    """Run a proxy that knows one HTTPS server by the names github.com, *.githubusercontent.com and evil.example."""
    certificate, key = make_certificate(folder)
    seen, over = Web({}), threading.Event()

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.asked.append(self.headers["Host"] + self.path)
            target = redirects.get(self.headers["Host"])
            self.send_response(302 if target else 200)
            if target:
                self.send_header("Location", target)
            self.send_header("Content-Length", "0" if target else str(len(CONTENT)))
            self.end_headers()
            self.wfile.write(b"" if target else CONTENT[:100] if stalls else CONTENT)
            if stalls:
                over.wait(60)

        def log_message(self, *_arguments: object) -> None:
            pass

    class Proxy(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            seen.connected.append(self.path)
            self.send_response(200)
            self.end_headers()
            with socket.create_connection(("127.0.0.1", site.server_address[1])) as upstream:
                relay(self.connection, upstream)

        def log_message(self, *_arguments: object) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with serving(Site) as site, serving(Proxy) as proxy:
        site.socket = context.wrap_socket(site.socket, server_side=True)
        seen.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path(source.__file__).parents[2]),
            "https_proxy": f"http://127.0.0.1:{proxy.server_address[1]}",
            "SSL_CERT_FILE": str(certificate),
        }
        yield seen
        over.set()


@contextlib.contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        server.handle_error = lambda *_arguments: None  # type: ignore[method-assign] # a client that does not trust us
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def relay(one: socket.socket, other: socket.socket) -> None:
    while True:
        for ready in select.select([one, other], [], [], 10)[0]:
            data = ready.recv(65536)
            if not data:
                return
            (other if ready is one else one).sendall(data)


def make_certificate(folder: Path) -> tuple[Path, Path]:
    names = "DNS:github.com,DNS:*.githubusercontent.com,DNS:evil.example"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test"
    files = ["-keyout", "key.pem", "-out", "certificate.pem"]
    command_line = [*command.split(), "-addext", f"subjectAltName={names}", *files]
    subprocess.run(command_line, cwd=folder, check=True, capture_output=True)
    return folder / "certificate.pem", folder / "key.pem"


CHILD = f"""
import sys
from pathlib import Path
from engines.downloading.downloadable import DownloadableModel, RemoteFile
from engines.downloading.downloads import fetch_model
from engines.downloading.policy import DownloadError, DownloadPolicy
file = RemoteFile("model.bin", "https://github.com/model.bin", {len(CONTENT)}, "{hashlib.sha256(CONTENT).hexdigest()}")
model = DownloadableModel("model", (file,), is_folder=False)
try:
    print(fetch_model(model, Path(sys.argv[1]), policy=DownloadPolicy(retry_wait_s=0.01, stall_s=1.0)))
except DownloadError as error:
    print(type(error).__name__, error)
"""


def fetch(folder: Path, environment: Mapping[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(folder)], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@needs_openssl
def test_https_goes_by_the_proxy_and_trusts_the_bundle_of_the_environment(tmp_path: Path) -> None:
    with web(tmp_path, {"github.com": "https://objects.githubusercontent.com/a?signature=x"}) as seen:
        assert fetch(tmp_path / "out", seen.environment) == str(tmp_path / "out/model.bin")
    assert (tmp_path / "out/model.bin").read_bytes() == CONTENT
    assert seen.connected == ["github.com:443", "objects.githubusercontent.com:443"]
    assert seen.asked == ["github.com/model.bin", "objects.githubusercontent.com/a?signature=x"]


@needs_openssl
@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_https_trusts_the_bundles_that_other_tools_know(tmp_path: Path, variable: str) -> None:
    with web(tmp_path, {}) as seen:
        environment = {**seen.environment, variable: seen.environment.pop("SSL_CERT_FILE")}
        del environment["SSL_CERT_FILE"]
        assert fetch(tmp_path / "out", environment) == str(tmp_path / "out/model.bin")


@needs_openssl
def test_untrusted_certificate_is_refused_and_says_what_to_do(tmp_path: Path) -> None:
    with web(tmp_path, {}) as seen:
        del seen.environment["SSL_CERT_FILE"]
        assert "SSL_CERT_FILE" in fetch(tmp_path / "out", seen.environment)
    assert seen.asked == []
    assert len(seen.connected) == 1, "it is not tried again"


@needs_openssl
@pytest.mark.parametrize(
    "target", ["https://evil.example/a", "http://github.com/a", "https://127.0.0.1/a", "https://github.com:8443/a"]
)
def test_redirect_elsewhere_is_refused_before_anybody_is_asked(tmp_path: Path, target: str) -> None:
    with web(tmp_path, {"github.com": target}) as seen:
        assert fetch(tmp_path / "out", seen.environment).startswith("UntrustedSourceError")
    assert seen.connected == ["github.com:443"]
    assert not (tmp_path / "out/model.bin").exists()


@needs_openssl
def test_stall_within_tls_is_given_up(tmp_path: Path) -> None:
    with web(tmp_path, {}, stalls=True) as seen:
        assert fetch(tmp_path / "out", seen.environment).startswith("StalledError")
    assert (tmp_path / "out/.model.bin.part/model.bin").stat().st_size == 100
