"""The policy for downloads, and their errors.

The publisher's source is an HTTPS URL in the engine's own files. Redirects must stay on its host or on the known file
hosts of that host. Packages of the public indexes may have the same bytes; pip and npm have the addresses of the
indexes. If the user has a mirror, only the mirror is used.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

PUBLISHER, PACKAGES = "publisher", "packages"

# The file hosts that well-known model hosts redirect to.
_STORES: Mapping[str, frozenset[str]] = {
    "github.com": frozenset(["objects.githubusercontent.com", "release-assets.githubusercontent.com"]),
    "huggingface.co": frozenset(["cdn-lfs.huggingface.co", "cdn-lfs-us-1.hf.co", "cas-bridge.xethub.hf.co"]),
}


class DownloadError(RuntimeError):
    """The download failed; the message says why and what to do."""


class DownloadCancelledError(DownloadError):
    """The download was cancelled; the next one resumes it."""


class UntrustedSourceError(DownloadError):
    """The URL is not allowed for downloads."""


class StalledError(DownloadError):
    """The source stopped sending."""


class UnreachableError(DownloadError):
    """The source cannot be reached: no network, a wrong URL, or a host that is down."""


class WrongBytesError(DownloadError):
    """The source sent wrong bytes, which were deleted."""


class StorageError(DownloadError):
    """The model cannot be stored, because of the disk or of other files in its place."""


@dataclass(frozen=True)
class DownloadPolicy:
    """The allowed sources of downloads, and their timeouts."""

    mirror: str | None = None  # base URL of the user's mirror, http or https, with the layout of external_models/
    stall_s: float = 25.0  # seconds without noticeable progress before a download fails
    own_hosts: frozenset[str] = frozenset()  # from the user's registry: allowed on this network, on any port
    answer_s: float = 8.0  # seconds for a publisher to answer if there is another source
    sources: tuple[str, ...] = (PUBLISHER, PACKAGES)  # tried in this order
    retry_wait_s: float = 1.0  # seconds before the first retry after a lost connection; doubled for each further one

    def __post_init__(self) -> None:
        """Raise ValueError unless the mirror is an http or https URL."""
        if self.mirror and (
            urlsplit(self.mirror).scheme not in ("http", "https") or not urlsplit(self.mirror).hostname
        ):
            raise ValueError(f"STORYFLOW_MODELS_URL must be an http:// or https:// URL, not '{self.mirror}'.")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "DownloadPolicy":
        """Return the policy set by STORYFLOW_MODELS_URL, the URL of the user's mirror."""
        return cls(mirror=environment.get("STORYFLOW_MODELS_URL", "").strip() or None)

    def address_of(self, path: str, url: str) -> str:
        """Return the URL of the file at `path` in `external_models/`: on the mirror, if there is one, else `url`."""
        return f"{self.mirror.rstrip('/')}/{path}" if self.mirror else url

    def check(self, address: str, first_address: str) -> None:
        """Raise UntrustedSourceError unless a download from `first_address` is allowed to use `address`."""
        here, first = origin(address), origin(first_address)
        if self.mirror and first == origin(self.mirror):
            if here != first:
                raise UntrustedSourceError(f"The mirror '{self.mirror}' redirects to '{shown(address)}': refused.")
            return
        if here[0] != "https":
            raise UntrustedSourceError(f"'{shown(address)}' is not HTTPS: refused.")
        if here == first and here[1] in self.own_hosts:
            return
        if here[2] != 443 or here[1] not in _STORES.get(first[1], frozenset()) | {first[1]}:
            raise UntrustedSourceError(f"'{shown(address)}' is not a known source of files from '{first[1]}': refused.")

    def allows_private(self, address: str) -> bool:
        """Return whether `address` may be on this machine or its network: only the user's mirror and hosts may."""
        here = origin(address)
        return (self.mirror is not None and here == origin(self.mirror)) or here[1] in self.own_hosts


def origin(address: str) -> tuple[str, str, int]:
    parts = urlsplit(address)
    try:
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
    except ValueError:
        port = 0
    return parts.scheme, (parts.hostname or "").lower(), port


def shown(address: str) -> str:
    """Return `address` without its query, where signed links have secrets."""
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]  # with its port, without a name and password
    return f"{parts.scheme}://{host}{parts.path}"
