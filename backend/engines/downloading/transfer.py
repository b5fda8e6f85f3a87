"""Download a file over an unreliable connection: resume with Range, and verify size and SHA-256."""

import contextlib
import http
import http.client
import logging
import os
import re
import ssl
import threading
import time
import urllib.error
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from engines.downloading.downloadable import RemoteFile
from engines.downloading.policy import DownloadError, DownloadPolicy, StalledError, UnreachableError, shown
from engines.downloading.source import Line, open_source, open_source_within
from engines.store.manifest import sha256_of

logger = logging.getLogger(__name__)

CHUNK = 64 * 1024  # bytes; written at once, and the most that a kill can lose
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": "storyflow"}
_IDLE_S = 12.0  # seconds without data before giving up; with the last attempt fewer than 30
_ATTEMPTS = 4  # consecutive attempts without noticeable progress
_GAIN = 1024 * 1024  # bytes
_PASSING = frozenset([408, 425, 429, 500, 502, 503, 504])
_REPORT_S = 0.2
_ETAG = re.compile(r'"[!#-~]{1,200}"')
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


class _LostLineError(Exception):
    """The transfer was interrupted and can be resumed."""


class _NoLineError(_LostLineError):
    """The source cannot be reached."""


class _WrongContentError(Exception):
    """The received bytes are not the file."""


@dataclass(frozen=True)
class Transfer:
    """The download of a file."""

    file: RemoteFile
    address: str  # its own URL or the mirror's
    path: Path  # destination; a partial file there is resumed
    policy: DownloadPolicy
    report: Callable[[int], None]  # called with the bytes so far
    cancel: threading.Event
    is_last: bool = True  # if not, give up sooner, since another source follows

    def run(self) -> str:
        """Download, verify and flush the file; return its SHA-256.

        Raises DownloadError if the source fails, keeping a partial file that can be resumed and removing wrong bytes;
        OSError if the disk fails.
        """
        failures, restarted, best, idle_since = 0, False, self._length(), time.monotonic()
        digest = None
        while digest is None:
            start = self._length()
            try:
                digest = self._attempt(start, idle_since)
            except _WrongContentError as error:
                self._discard()
                if restarted or not start:
                    raise self._error(f"{error}. The file was deleted.") from error
                restarted = True  # the bytes from an earlier attempt may be wrong
            except StalledError as error:
                raise self._error(str(error), StalledError) from error
            except _LostLineError as error:
                gained = self._length() - best >= _GAIN
                failures, best = (1, self._length()) if gained else (failures + 1, best)
                idle_since = time.monotonic() if self._length() > start else idle_since
                attempts = _ATTEMPTS if self.is_last or not isinstance(error, _NoLineError) else 1
                if failures >= attempts or time.monotonic() - idle_since >= _IDLE_S:
                    kind = UnreachableError if isinstance(error, _NoLineError) else DownloadError
                    raise self._error(f"{error}.{' Gave up; try again later.' * self.is_last}", kind) from error
                logger.info("Download of '%s' interrupted (%s); retrying.", self.file.path, error)
                self.cancel.wait(self.policy.retry_wait_s * 2 ** (failures - 1))
        self.report(self.file.size)
        return digest

    def _attempt(self, start: int, idle_since: float) -> str:
        """Request the missing bytes from `start`, if any, and return the SHA-256 of the whole file."""
        if start < self.file.size:
            self._request(start, idle_since)
        digest = self._verified_digest()
        if digest is None:
            raise _WrongContentError("its SHA-256 is wrong")
        return digest

    def _request(self, start: int, idle_since: float) -> None:
        """Request the bytes from `start` and store the response."""
        with Line(self.policy.stall_s, self.cancel, idle_since).watched() as line:
            line.raise_if_cut()
            with self._network_errors(line):
                response = self._open(self._headers(start), line)
            with response:
                begin = _start_of_body(response, self.file, start)
                self._remember_etag(response)
                self._store(response, begin, line)

    def _open(self, headers: Mapping[str, str], line: Line) -> http.client.HTTPResponse:
        if self.is_last:
            return open_source(self.address, headers, self.policy, line)
        return open_source_within(self.policy.answer_s, self.address, headers, self.policy, line)

    def _headers(self, start: int) -> dict[str, str]:
        headers = dict(_HEADERS)
        if start:
            headers["Range"] = f"bytes={start}-"
            with contextlib.suppress(OSError, ValueError):
                headers["If-Range"] = self._etag_path().read_text(encoding="ascii")
        return headers

    def _store(self, response: http.client.HTTPResponse, begin: int, line: Line) -> None:
        """Write the body of `response`, which starts at byte `begin` of the file."""
        reported = 0.0
        with self.path.open("ab", buffering=0) as part:
            part.truncate(begin)
            while begin < self.file.size:
                block = self._read(response, line)[: self.file.size - begin]
                part.write(block)
                begin += len(block)
                if time.monotonic() - reported >= _REPORT_S:
                    reported = time.monotonic()
                    self.report(begin)
            with self._network_errors(line):
                if response.read1(1):
                    raise _WrongContentError(f"received more than the expected {self.file.size} bytes")

    def _read(self, response: http.client.HTTPResponse, line: Line) -> bytes:
        with self._network_errors(line):
            block = response.read1(CHUNK)
            if not block:
                raise ConnectionError("the server closed the connection early")
        line.advance(len(block))
        return block

    @contextlib.contextmanager
    def _network_errors(self, line: Line) -> Iterator[None]:
        """Translate network errors; the block must not use the disk."""
        try:
            yield
        except urllib.error.HTTPError as error:
            with contextlib.closing(error):
                raise self._for_status(error) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            line.raise_if_cut()
            reason = getattr(error, "reason", error)
            if isinstance(reason, ssl.SSLCertVerificationError):
                raise self._error(
                    f"its certificate is not trusted ({reason.verify_message}). If a proxy replaces certificates, set "
                    "SSL_CERT_FILE to its CA bundle."
                ) from error
            if isinstance(error, urllib.error.URLError):
                raise _NoLineError(f"no connection: {reason}") from error
            raise _LostLineError(f"connection lost: {reason}") from error

    def _for_status(self, error: urllib.error.HTTPError) -> Exception:
        if error.code in _PASSING:
            return _LostLineError(f"the server answered with status {error.code}")
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return _WrongContentError("the server's file is shorter than expected")
        return self._error(f"the server answered with status {error.code} {error.reason}.")

    def _error(self, what: str, kind: type[DownloadError] = DownloadError) -> DownloadError:
        return kind(f"Download of '{self.file.path}' from '{shown(self.address)}': {what}")

    def _length(self) -> int:
        try:
            return self.path.lstat().st_size
        except FileNotFoundError:
            return 0

    def _verified_digest(self) -> str | None:
        """Flush the file, read it back and return its SHA-256; None if it is wrong."""
        if self._length() != self.file.size:
            return None
        digest = sha256_of(self.path)
        if digest not in (self.file.sha256, *self.file.others):
            return None
        with self.path.open("rb+") as whole:
            os.fsync(whole.fileno())
        self._etag_path().unlink(missing_ok=True)
        return digest

    def _discard(self) -> None:
        self.path.unlink(missing_ok=True)
        self._etag_path().unlink(missing_ok=True)

    def _etag_path(self) -> Path:
        return self.path.with_name(f".{self.path.name}.etag")

    def _remember_etag(self, response: http.client.HTTPResponse) -> None:
        """Save a strong ETag for If-Range, so that the download restarts if the source's file changes."""
        etag = response.headers.get("ETag", "")
        if _ETAG.fullmatch(etag):
            self._etag_path().write_text(etag, encoding="ascii")
        else:
            self._etag_path().unlink(missing_ok=True)


def size_at(address: str, policy: DownloadPolicy) -> int:
    """Return the size that `address` announces; raise DownloadError if it announces none, or is not a file."""
    try:
        with (
            Line(policy.stall_s, threading.Event()).watched() as line,
            open_source(address, {"Accept-Encoding": "identity", "User-Agent": "storyflow"}, policy, line) as response,
        ):
            length = response.headers.get("Content-Length", "")
            is_page = response.headers.get_content_type() == "text/html"
    except urllib.error.HTTPError as error:
        with contextlib.closing(error):
            raise DownloadError(f"'{shown(address)}' answered with status {error.code} {error.reason}.") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise UnreachableError(f"'{shown(address)}' cannot be reached: {reason}") from error
    if is_page or not length.isascii() or not length.isdecimal() or int(length) == 0:
        raise DownloadError(f"'{shown(address)}' does not announce its size, or is a web page.")
    return int(length)


def _start_of_body(response: http.client.HTTPResponse, file: RemoteFile, start: int) -> int:
    """Return the offset in `file` where the body of `response` starts; raise if it cannot be the file."""
    if response.headers.get_content_type() == "text/html":
        raise _WrongContentError("received a web page instead of the file")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise _WrongContentError("received compressed data, which was not requested")
    if response.status == http.HTTPStatus.PARTIAL_CONTENT:
        return _start_of_range(response.headers.get("Content-Range", ""), file, start)
    length = response.headers.get("Content-Length", str(file.size))
    if response.status != http.HTTPStatus.OK or length != str(file.size):
        raise _WrongContentError(f"expected {file.size} bytes, got status {response.status} with {length[:20]} bytes")
    return 0


def _start_of_range(content_range: str, file: RemoteFile, start: int) -> int:
    """Return `start` if `content_range` is the rest of `file` from there (RFC 9110, section 14.4); raise otherwise."""
    found = _CONTENT_RANGE.fullmatch(content_range)
    expected = found and (int(found[1]), int(found[2])) == (start, file.size - 1)
    if not (start and found and expected and found[3] in (str(file.size), "*")):
        raise _WrongContentError(f"requested bytes {start} to {file.size - 1}, got '{content_range[:60]}'")
    return start
