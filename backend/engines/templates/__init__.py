"""Create a new engine: a folder with the files to start from, which already passes the check.

The files are next to this one, with `$name`, `$class_name` and `$display_name` in them; the Dockerfile is that of
debug-tts, so that there is only one.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from string import Template

ROOT = Path(__file__).parents[1]  # backend/engines, from which images are built
_TEMPLATES = Path(__file__).parent
_SOURCES = {"tts": "tts", "stt": "quality", "audio": "quality", "text": "text"}
_NAME = re.compile(r"[a-z][a-z0-9-]*")
_SUFFIX = ".template"
_DOCKERFILE_OF = "tts/debug-tts"


class EngineExistsError(FileExistsError):
    """The engine's folder exists already."""


def make_engine(kind: str, name: str, parent: Path) -> Path:
    """Create the folder `parent`/`name` for an engine of `kind` (tts, stt, text or audio) and return it.

    Raises ValueError for a name that engine.yaml does not allow, and EngineExistsError if the folder exists.
    """
    if not _NAME.fullmatch(name) or len(name) > 64:
        raise ValueError(
            f"'{name}' is not a valid engine name: use lower-case letters, digits and '-', first a letter."
        )
    folder = parent.resolve() / name
    if folder.exists():
        raise EngineExistsError(f"'{folder}' exists already. Choose another name or remove it.")
    context = _build_context(folder)
    place = folder.relative_to(context).as_posix()
    words = _words(kind, name)
    source = _TEMPLATES / _SOURCES[kind]
    for template in sorted(source.rglob(f"*{_SUFFIX}")):
        target = folder / template.relative_to(source).with_suffix("")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(Template(template.read_text(encoding="utf-8")).substitute(words), encoding="utf-8")
    has_models = (folder / "models").is_dir()
    dockerfile = _dockerfile(place, name, outside=context != ROOT, has_models=has_models)
    (folder / "Dockerfile").write_text(dockerfile, encoding="utf-8")
    if has_models:
        _allow_models(context / ".dockerignore", place)
    return folder


def _words(kind: str, name: str) -> Mapping[str, str]:
    parts = name.split("-")
    return {
        "name": name,
        "kind": kind,
        "class_name": "".join(part.capitalize() for part in parts) + "Server",
        "display_name": " ".join(part.capitalize() for part in parts if part),
    }


def _build_context(folder: Path) -> Path:
    """Return the build context: backend/engines for an engine inside it, otherwise the engine's parent folder."""
    return ROOT if folder.is_relative_to(ROOT) else folder.parent


def _dockerfile(place: str, name: str, *, outside: bool, has_models: bool) -> str:
    """Return debug-tts's Dockerfile adapted to the engine; outside backend/engines it uses a second build context."""
    text = (ROOT / _DOCKERFILE_OF / "Dockerfile").read_text(encoding="utf-8")
    if not has_models:
        text = re.sub(r"(?m)^# Copy baked-in models.*\nCOPY .*/models/ .*\n\n", "", text)
    if outside:
        text = re.sub(rf"(?m)^COPY (?!{_DOCKERFILE_OF}/)", "COPY --from=engines ", text)
        text = text.replace(
            "From backend/engines:", "From the folder around the engine, with that of the engines named:"
        )
        text = text.replace("docker build ", "docker build --build-context engines=/path/to/backend/engines ")
    return text.replace(_DOCKERFILE_OF, place).replace(Path(_DOCKERFILE_OF).name, name)


def _allow_models(path: Path, place: str) -> None:
    """Add an exception for the engine's models to .dockerignore, which excludes models by default."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else ["**/models/"]
    exception = f"!{place}/models/"
    if exception not in lines:
        path.write_text("\n".join([*lines, exception, ""]), encoding="utf-8")
