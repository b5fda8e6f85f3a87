"""The names of projects."""

import hashlib
import re

from engines.store.names import is_name


def project_named(story: str) -> str:
    """Return a project name made from the name of a story; a digest if the name has no usable letters."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", story).strip("-").lower()[:64]
    return name if is_name(name) else hashlib.sha256(story.encode("utf-8", "surrogatepass")).hexdigest()[:12]
