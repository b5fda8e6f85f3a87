"""The files of the page. They come from this folder only, and the browser is told to take nothing from elsewhere."""

from pathlib import Path

from fastapi.responses import FileResponse

from engines.contract.errors import NotFoundError

STATIC = Path(__file__).parent / "static"
PAGE_PATH = "/"
STATIC_PATH = "/studio/static/"

HEADERS = {
    # blob: for audio that is fetched with a key, which a player cannot send
    "Content-Security-Policy": "default-src 'self'; media-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def page() -> FileResponse:
    """Return the page."""
    return FileResponse(STATIC / "index.html", headers=HEADERS, media_type="text/html; charset=utf-8")


def static(name: str) -> FileResponse:
    """Return a file that the page is made of."""
    path = next((path for path in STATIC.iterdir() if path.name == name and path.suffix in _TYPES), None)
    if path is None:
        raise NotFoundError("There is no such file.")
    return FileResponse(path, headers=HEADERS, media_type=_TYPES[path.suffix])
