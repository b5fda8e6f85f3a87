"""List the installed models and check whether they have changed."""

from dataclasses import dataclass
from pathlib import Path

from core_engine.model_paths import installed_models
from engines.store.manifest import DamagedModelError, FileEntry, listed_files, model_of
from engines.store.stamps import check_all, check_unchanged


@dataclass(frozen=True)
class InstalledModel:
    """An installed model."""

    name: str
    path: Path
    """Its ONNX file."""
    home: Path
    """What the manifest describes: the model's folder, or the ONNX file of a model without one."""
    files: tuple[FileEntry, ...]
    """The files in its manifest; empty for a model that was put there by hand."""
    problem: str | None = None
    """Why it cannot be used."""

    @property
    def sha256(self) -> str | None:
        """The digest of the ONNX file, if the manifest has it."""
        return next((file.sha256 for file in self.files if file.path == self.path.name), None)

    @property
    def size(self) -> int:
        """The bytes of the files in the manifest, or of the ONNX file."""
        return sum(file.size for file in self.files) or self.path.stat().st_size


def installed(models_dir: Path) -> dict[str, InstalledModel]:
    """Return the models in `models_dir` by name, each checked as quickly as when it is loaded."""
    return {name: _looked_at(name, path) for name, path in installed_models(models_dir).items()}


def verify(model: InstalledModel) -> str | None:
    """Read a model with a manifest completely; return what is wrong with it, or None."""
    try:
        check_all(model.home)
    except DamagedModelError as error:
        return str(error)
    return None


def _looked_at(name: str, path: Path) -> InstalledModel:
    home = path
    files: tuple[FileEntry, ...] = ()
    try:
        home = model_of(path) or path
        files = tuple(listed_files(home) or ())
        check_unchanged(home)
    except DamagedModelError as error:
        return InstalledModel(name, path, home, files, str(error))
    return InstalledModel(name, path, home, files)
