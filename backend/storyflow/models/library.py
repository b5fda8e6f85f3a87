"""What is installed in the models folder, and whether it still is what was installed."""

from dataclasses import dataclass
from pathlib import Path

from core_engine.model_paths import installed_models
from engines.store.manifest import DamagedModelError, FileEntry, listed_files, model_of
from engines.store.stamps import check_all, check_unchanged


@dataclass(frozen=True)
class InstalledModel:
    """A model that is there."""

    name: str
    path: Path
    """Its ONNX file."""
    home: Path
    """What the manifest belongs to: its folder, or the ONNX file where its files lie side by side."""
    files: tuple[FileEntry, ...]
    """What its manifest lists; nothing for a model that was put there by hand."""
    problem: str | None = None
    """Why it cannot be used."""

    @property
    def sha256(self) -> str | None:
        """That of the ONNX file, where the manifest says it."""
        return next((file.sha256 for file in self.files if file.path == self.path.name), None)

    @property
    def size(self) -> int:
        """The bytes of what the manifest lists, or of the ONNX file."""
        return sum(file.size for file in self.files) or self.path.stat().st_size


def installed(models_dir: Path) -> dict[str, InstalledModel]:
    """Return the models in `models_dir` by name, each looked at as quickly as a load does."""
    return {name: _looked_at(name, path) for name, path in installed_models(models_dir).items()}


def verify(model: InstalledModel) -> str | None:
    """Read all of a model that has a manifest; return what is wrong with it, None where nothing is."""
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
