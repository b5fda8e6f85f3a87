"""Where downloads may come from, and what can go wrong with them.

The publisher's source is an HTTPS address that the engine's own files name. Redirects stay on its host or on those
where that host is known to keep its files. Packages of the public indexes may have the same bytes; pip and npm know
where these indexes are. The exception is the user's own mirror, whose address alone is then asked.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

PUBLISHER, PACKAGES = "publisher", "packages"

# Where well-known hosts of models redirect to.
_STORES: Mapping[str, frozenset[str]] = {
    "github.com": frozenset(["objects.githubusercontent.com", "release-assets.githubusercontent.com"]),
    "huggingface.co": frozenset(["cdn-lfs.huggingface.co", "cdn-lfs-us-1.hf.co", "cas-bridge.xethub.hf.co"]),
}


class DownloadError(RuntimeError):
    """A download that did not succeed; the message says why and what to do."""


class DownloadCancelledError(DownloadError):
    """A download that was stopped; it goes on from there when asked for again."""


class UntrustedSourceError(DownloadError):
    """An address that a download may not go to."""


class StalledError(DownloadError):
    """A source that stopped sending."""


class UnreachableError(DownloadError):
    """A source that could not be connected to: no network, a wrong address, or a host that is down."""


class WrongBytesError(DownloadError):
    """A source that gave other bytes than those of the file; they were deleted."""


class StorageError(DownloadError):
    """A model that the disk, or what lies in its folder, leaves no room for."""


@dataclass(frozen=True)
class DownloadPolicy:
    """Where downloads may come from, and how patient they are."""

    mirror: str | None = None  # base URL of the user's own mirror, asked instead; also http; as external_models/
    stall_s: float = 25.0  # seconds without noticeable progress before a download is given up
    own_hosts: frozenset[str] = frozenset()  # named by the user's own registry: may be on this network, on any port
    answer_s: float = 8.0  # seconds for a publisher to answer, where another source has the same bytes
    sources: tuple[str, ...] = (PUBLISHER, PACKAGES)  # asked in this order for the bytes of a file
    retry_wait_s: float = 1.0  # seconds before the first repetition after a lost line; doubled for every further one

    def __post_init__(self) -> None:
        """Refuse a mirror that is no http or https address."""
        if self.mirror and (
            urlsplit(self.mirror).scheme not in ("http", "https") or not urlsplit(self.mirror).hostname
        ):
            raise ValueError(f"STORYFLOW_MODELS_URL must be an http:// or https:// address, not '{self.mirror}'.")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "DownloadPolicy":
        """Return the policy that STORYFLOW_MODELS_URL, the address of the user's own mirror, sets."""
        return cls(mirror=environment.get("STORYFLOW_MODELS_URL", "").strip() or None)

    def address_of(self, path: str, url: str) -> str:
        """Return where to fetch the file at `path` in `external_models/`, which a mirror has at the same place."""
        return f"{self.mirror.rstrip('/')}/{path}" if self.mirror else url

    def check(self, address: str, first_address: str) -> None:
        """Raise UntrustedSourceError unless a download from `first_address` may go to `address`."""
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
            raise UntrustedSourceError(f"'{shown(address)}' is no known source of files from '{first[1]}': refused.")

    def allows_private(self, address: str) -> bool:
        """Tell whether `address` may be on this machine or its network: only the user's mirror and hosts may."""
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
    """The part of `address` that may be shown: signed links carry secrets in their query."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
