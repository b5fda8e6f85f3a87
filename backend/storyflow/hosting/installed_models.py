"""The models in the folder of an engine, without running it."""

import ast
from pathlib import Path

from engines.models import ModelStore


def baked_in_models(folder: Path) -> list[str]:
    """Return the sorted names of the models that are in the engine's models/ folder itself, not linked into it."""
    return sorted(name for name, path in _store(folder).complete().items() if not path.is_symlink())


def installed_models(folder: Path) -> list[str]:
    """Return the sorted names of the models in models/ and external_models/; links are made as when the engine runs."""
    store = _store(folder)
    store.prepare()
    return sorted(store.complete())


def _store(folder: Path) -> ModelStore:
    # The suffixes are read from server.py without running it.
    return ModelStore(folder, suffixes=_model_suffixes(folder / "server.py"))


def _model_suffixes(server: Path) -> tuple[str, ...]:
    """Return the `model_suffixes` of the class in server.py."""
    try:
        nodes = list(ast.walk(ast.parse(server.read_text(encoding="utf-8"))))
    except (OSError, ValueError, SyntaxError):
        return ()
    for node in nodes:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "model_suffixes":
            return tuple(ast.literal_eval(node.value))
    return ()
