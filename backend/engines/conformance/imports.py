"""Check that a Dockerfile copies everything that its server imports: an image without a module cannot start.

Only modules of the project or next to server.py are checked; packages come from requirements.txt.
"""

import ast
import fnmatch
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

BACKEND = Path(__file__).parents[2]
_NAMED_CONTEXTS = {"engines": BACKEND / "engines", "core_engine": BACKEND / "core_engine"}


def modules_missing(server: Path, context: Path, instructions: list[str]) -> list[str]:
    """Return the modules that `server` imports, directly or not, and that the image would not have.

    `context` is the build context, `instructions` are the lines of the Dockerfile.
    """
    copied = copied_files(context, instructions)
    return sorted({module for module, place in _needed(server) if place not in copied})


def copied_files(context: Path, instructions: list[str]) -> set[str]:
    """Return the paths, relative to /app, of the Python files that the COPY instructions copy into the image."""
    return {place for copy in _copies(context, instructions) for place in _python_files(copy)}


def sources_missing(context: Path, instructions: list[str]) -> list[str]:
    """Return the sources of COPY instructions that do not exist."""
    copies = _copies(context, instructions)
    return sorted({copy.source for copy in copies if not any(copy.root.glob(copy.source.strip("/")))})


@dataclass(frozen=True)
class _Copy:
    root: Path  # the build context
    source: str
    target: str  # relative to /app; a folder if it is empty or ends with "/"
    ignored: tuple[str, ...]  # patterns of .dockerignore


def _copies(context: Path, instructions: list[str]) -> Iterator[_Copy]:
    """Yield each source of each COPY from a known context."""
    for line in instructions:
        if not line.startswith("COPY "):
            continue
        words = [word for word in line.split()[1:] if not word.startswith("--")]
        named = re.search(r"--from=(\S+)", line)
        root = _NAMED_CONTEXTS.get(named[1]) if named else context
        if root:
            ignored = () if named else tuple(_ignore_patterns(root))
            target = words[-1].removeprefix("/app/").removeprefix("./")
            yield from (_Copy(root, source, target, ignored) for source in words[:-1])


def _python_files(copy: _Copy) -> Iterator[str]:
    """Yield the destinations of the Python files of one source."""
    for path in copy.root.glob(copy.source.strip("/")):
        for file in path.rglob("*.py") if path.is_dir() else [path]:
            if _is_ignored(file.relative_to(copy.root).as_posix(), copy.ignored):
                continue
            inside = file.relative_to(path).as_posix() if path.is_dir() else file.name
            is_name = path.is_file() and copy.target and not copy.target.endswith("/")
            yield copy.target if is_name else f"{copy.target.rstrip('/')}/{inside}".lstrip("/")


def _ignore_patterns(context: Path) -> list[str]:
    path = context / ".dockerignore"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _is_ignored(place: str, patterns: tuple[str, ...]) -> bool:
    """Return whether the last pattern that matches `place`, or one of its parents, excludes it."""
    parts = place.split("/")
    above = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
    ignored = False
    for pattern in patterns:
        plain = pattern.removeprefix("!").strip("/")
        forms = {plain, plain.removeprefix("**/")}
        if any(fnmatch.fnmatch(folder, form) for folder in above for form in forms):
            ignored = not pattern.startswith("!")
    return ignored


def _needed(server: Path) -> Iterator[tuple[str, str]]:
    """Yield the name of each module reached from `server`, and its path relative to /app."""
    waiting, seen = [server], {server}
    while waiting:
        for name in sorted(_imported(waiting.pop())):
            found = _found(name, server.parent)
            if found and found[0] not in seen:
                seen.add(found[0])
                waiting.append(found[0])
                yield name, found[1]


def _found(module: str, folder: Path) -> tuple[Path, str] | None:
    """Return the file of `module` and its path in the image; None if it is not a module of the project."""
    inner = module.replace(".", "/")
    # In an installation, BACKEND is site-packages and contains all other packages too.
    roots = (folder, BACKEND) if module.partition(".")[0] in _NAMED_CONTEXTS else (folder,)
    for root in roots:
        for place in (f"{inner}.py", f"{inner}/__init__.py"):
            if (root / place).is_file():
                return root / place, place
    return None


def _imported(path: Path) -> set[str]:
    """Return the modules that the file imports anywhere except under TYPE_CHECKING."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    hints = [node for node in ast.walk(tree) if isinstance(node, ast.If) and _is_type_checking(node.test)]
    left_out = {id(inner) for node in hints for statement in node.body for inner in ast.walk(statement)}
    found: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in left_out:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def _is_type_checking(test: ast.expr) -> bool:
    return re.fullmatch(r"(typing\.)?TYPE_CHECKING", ast.unparse(test)) is not None
