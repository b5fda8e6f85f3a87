"""The model store of an engine: finds, links, downloads and verifies its models.

A server reads only `models/`. `external_models/` is the mount point and the only target of downloads; its models are
linked into `models/`. Models baked into `models/` take precedence. The same code serves a container, where the base
folder is `/app`, and a subprocess, where it is the engine's folder.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from engines.downloading.downloadable import DownloadableModel
from engines.downloading.downloads import fetch_model
from engines.downloading.policy import DownloadError, DownloadPolicy
from engines.downloading.staging import Progress
from engines.store import links
from engines.store.links import holds_something
from engines.store.manifest import DamagedModelError, has_right_sizes
from engines.store.names import checked_name, is_name
from engines.store.stamps import check_all, check_unchanged

logger = logging.getLogger(__name__)


class ModelNotFoundError(LookupError):
    """The model neither exists nor can be downloaded."""

    def __init__(self, name: str, available: Sequence[str], downloadable: Sequence[str] = ()) -> None:
        """Store the message; `available` and `downloadable` are names of models."""
        self.name, self.available, self.downloadable = name, tuple(available), tuple(downloadable)
        known = f"Available: {', '.join(available) or 'none'}."
        known += f" Downloadable: {', '.join(downloadable)}." if downloadable else ""
        super().__init__(f"Model not found: '{name}'. {known}")


class ModelStore:
    """The models that an engine can load, by name.

    Creating a store touches no files; `prepare()` makes the folders and the links. Thread-safe, and several servers can
    share the folder of external models.
    """

    def __init__(
        self,
        base_path: Path,
        *,
        default_model: str = "default",
        suffixes: Sequence[str] = (),
        is_complete: Callable[[Path], bool] = holds_something,
        downloadable: Mapping[str, DownloadableModel] | None = None,
        policy: DownloadPolicy | None = None,
    ) -> None:
        """Create the store of the engine in `base_path`.

        `suffixes` are those of single-file models (`.pt` makes `base.pt` the model `base`); without any, only folders
        are models. `is_complete` is the engine's check whether the folder or file at a path in `models/` can be loaded.
        `downloadable` maps names to downloads, see `engines.downloading.downloadable.downloadable_models`. `policy` is
        read from the environment if None.
        """
        self.base_path = base_path.absolute()
        self.models_dir = self.base_path / "models"
        self.external_models_dir = self.base_path / "external_models"
        self.default_model = default_model
        self.downloadable = dict(downloadable or {})
        self._suffixes = tuple(suffixes)
        self._is_complete = is_complete
        self._policy = policy
        self._lock = threading.Lock()
        self._problems: frozenset[str] = frozenset()

    def prepare(self) -> None:
        """Make the folders and link mounted and downloaded models, like the entrypoint of an image.

        Logs one warning for folders that are missing or not writable, and never raises: baked-in models still work.
        """
        with self._lock:
            problems = links.prepare(self.models_dir, self.external_models_dir)
            for problem in problems - self._problems:
                logger.warning("%s", problem)
            self._problems = problems

    def available(self) -> list[str]:
        """Return the names of the models that can be loaded now: the default first, the others sorted."""
        self.prepare()
        return self.in_order(self.complete())

    def loadable(self) -> list[str]:
        """Return the names that `obtain` accepts, existing or downloadable: the default first, the others sorted."""
        return self.in_order({*self.available(), *self.downloadable})

    def in_order(self, names: Iterable[str]) -> list[str]:
        """Sort `names`, the default first."""
        return sorted(names, key=lambda name: (name != self.default_model, name))

    def complete(self) -> dict[str, Path]:
        """Return the models that are linked and can be loaded: name → path in `models/`."""
        found: dict[str, Path] = {}
        for name, path in self._entries():
            if name not in found and self._can_be_loaded(path):
                found[name] = path
        return found

    def path_of(self, name: object) -> Path:
        """Return the path in `models/` of the model `name`: a folder, a file, or a link to one.

        Raises InvalidNameError for an invalid name, and ModelNotFoundError for a missing or incomplete model. Does not
        read the model's files, unlike `obtain`.
        """
        model = checked_name(name, "model name")
        path = self.find(model)
        if path is None:
            self.prepare()
            path = self.find(model)
        if path is None:
            raise self._not_found(model)
        return path

    def obtain(
        self,
        name: object,
        *,
        is_open: bool = False,
        progress: Callable[[Progress], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> Path:
        """Return the path in `models/` of the model `name`, after downloading, linking and verifying it as needed.

        Verifies all files against their manifest, unless they have just been downloaded; if `is_open`, only if one
        has changed. `progress` is called during a download. Setting `cancel` stops it within a second; the next call
        resumes it. Threads and servers that want the same model share one download. Raises InvalidNameError,
        ModelNotFoundError, DamagedModelError (files that no longer match their manifest and cannot be downloaded
        again), and DownloadError or DownloadCancelledError.
        """
        model = checked_name(name, "model name")
        self.prepare()
        try:
            for path in self._entries_of(model):  # complete or not
                (check_unchanged if is_open else check_all)(path)
        except DamagedModelError as error:
            if model not in self.downloadable or self._is_baked_in(model):
                raise
            logger.warning("%s Downloading it again.", error)
        else:
            here = self.find(model)
            if here:
                return here
        if model not in self.downloadable:
            raise self._not_found(model)
        fetched = fetch_model(
            self.downloadable[model], self.external_models_dir, policy=self._policy, progress=progress, cancel=cancel
        )
        return self._linked(model, fetched)

    def _linked(self, model: str, fetched: Path) -> Path:
        self.prepare()
        path = self.find(model)
        if path is None:
            raise DownloadError(
                f"'{fetched}' exists but cannot be used as '{self.models_dir / fetched.name}': it is incomplete, or "
                f"the link cannot be made. Remove what is in the way, or make '{self.models_dir}' writable."
            )
        return path

    def _not_found(self, model: str) -> ModelNotFoundError:
        return ModelNotFoundError(model, self.in_order(self.complete()), sorted(self.downloadable))

    def find(self, model: str) -> Path | None:
        """Return the path of `model` if it is linked and can be loaded; None otherwise."""
        return next((path for name, path in self._entries() if name == model and self._can_be_loaded(path)), None)

    def _entries_of(self, model: str) -> list[Path]:
        """Return the paths of `model` in `models/` that do not lead outside."""
        return [path for name, path in self._entries() if name == model and self._is_inside(path)]

    def _is_baked_in(self, model: str) -> bool:
        return any(not path.is_symlink() for path in self._entries_of(model))

    def _entries(self) -> Iterator[tuple[str, Path]]:
        """Yield name and path of the entries of `models/`, real folders and files before links."""
        try:
            paths = sorted(self.models_dir.iterdir(), key=lambda path: (path.is_symlink(), path.name))
        except OSError:
            return
        for path in paths:
            if name := self._name_of(path):
                yield name, path

    def _name_of(self, path: Path) -> str | None:
        """Return the model name of the entry `path` of `models/`; None if it is not named like a model."""
        name = path.name
        if not links.may_be_model(name):
            return None
        if not path.is_dir():
            suffix = next((suffix for suffix in self._suffixes if name.endswith(suffix)), None)
            if suffix is None:
                return None
            name = name.removesuffix(suffix)
        return name if is_name(name) else None

    def _is_inside(self, path: Path) -> bool:
        return links.is_inside(path, self.models_dir, self.external_models_dir)

    def _can_be_loaded(self, path: Path) -> bool:
        try:
            if not self._is_inside(path):
                return False
            return holds_something(path) and has_right_sizes(path) and self._is_complete(path)
        except Exception:  # an engine's own check can raise anything
            logger.warning("Skipped '%s': its completeness check failed.", path, exc_info=True)
            return False
