"""The models of one engine: where they are kept, found, linked, downloaded and checked.

`models/` is the only place a server reads, `external_models/` the mount point and the only place a download goes, and
links lead from the first to the second. What is baked into `models/` wins. The same code serves a container, where
the base is `/app`, and a subprocess, where it is the engine's folder.
"""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from engines.downloading.downloadable import DownloadableModel
from engines.downloading.downloads import Progress, fetch_model
from engines.downloading.policy import DownloadError, DownloadPolicy
from engines.store import links as model_links
from engines.store.manifest import DamagedModelError, has_right_sizes, verify_model
from engines.store.names import checked_name, is_name
from engines.store.stamps import state_of

logger = logging.getLogger(__name__)


class ModelNotFoundError(LookupError):
    """A model that is neither there nor downloadable."""

    def __init__(self, name: str, available: Sequence[str], downloadable: Sequence[str] = ()) -> None:
        """Say what there is instead; `available` and `downloadable` are names of models."""
        self.name, self.available, self.downloadable = name, tuple(available), tuple(downloadable)
        known = f"Available: {', '.join(available) or 'none'}."
        known += f" Downloadable: {', '.join(downloadable)}." if downloadable else ""
        super().__init__(f"Model not found: '{name}'. {known}")


def holds_something(path: Path) -> bool:
    """Tell whether `path` is a file with content or a folder with a finished entry: any engine's least demand."""
    return model_links.holds_something(path)


class ModelStore:
    """What one engine can load, by name.

    Making one touches nothing; `prepare()` makes the folders and the links. Safe to use from several threads, and
    several servers may share the folder of external models.
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
        """Describe the store below `base_path`.

        `suffixes` are those of single-file models (`.pt` makes `base.pt` the model `base`); without any only folders
        are models. `is_complete` is the engine's own notion of a model that can be loaded: it is given the path in
        `models/`, a folder or a file. `downloadable` maps names to what can be fetched, see
        `engines.downloading.downloadable.downloadable_models`. `policy` is taken from the environment when None.
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
        self._damaged: dict[Path, tuple[bytes, str]] = {}  # the state of the files, and what is wrong with them

    def prepare(self) -> None:
        """Make the folders and link what was mounted or downloaded before, as the entrypoint of an image does.

        Never raises for folders that are missing or cannot be written: that costs one warning, and baked-in models
        go on working.
        """
        with self._lock:
            problems = model_links.prepare(self.models_dir, self.external_models_dir)
            for problem in problems - self._problems:
                logger.warning("%s", problem)
            self._problems = problems

    def available(self) -> list[str]:
        """Return the names of the models that can be loaded now: the default first, the others sorted."""
        self.prepare()
        return self._in_order({name for name, _ in self.complete()})

    def loadable(self) -> list[str]:
        """Return the names that `obtain` takes, here or to be downloaded: the default first, the others sorted."""
        return self._in_order({*self.available(), *self.downloadable})

    def _in_order(self, names: set[str]) -> list[str]:
        return sorted(names, key=lambda name: (name != self.default_model, name))

    def path_of(self, name: object) -> Path:
        """Return the path in `models/` of the model `name`: a folder, a file, or a link to one.

        Raises InvalidNameError for what is no name, and ModelNotFoundError for a model that is not there or not
        complete. It does not read the model's files; `obtain` does.
        """
        model = checked_name(name, "model name")
        self.prepare()
        for found, path in self.complete():
            if found == model:
                return path
        raise ModelNotFoundError(model, self.available(), sorted(self.downloadable))

    def is_known(self, name: object) -> bool:
        """Tell whether `obtain` could succeed for `name`, without downloading or reading anything."""
        return is_name(name) and name in self.loadable()

    def obtain(
        self,
        name: object,
        *,
        progress: Callable[[Progress], None] | None = None,
        cancel: threading.Event | None = None,
    ) -> Path:
        """Return the path in `models/` of the model `name`, downloaded and linked first where needed, and verified.

        `progress` is called during a download. Setting `cancel` stops it within a second; it goes on from there when
        asked for again. Several threads or servers that ask for one model share one transfer. Raises InvalidNameError,
        ModelNotFoundError, DamagedModelError (files that no longer match their manifest and cannot be fetched again)
        and DownloadError or DownloadCancelledError.
        """
        model = checked_name(name, "model name")
        self.prepare()
        try:
            return self._verified(model)
        except ModelNotFoundError:
            if model not in self.downloadable:
                raise
        except DamagedModelError as error:
            if model not in self.downloadable or self._is_baked_in(model):
                raise
            logger.warning("%s It is fetched again.", error)
        fetched = fetch_model(
            self.downloadable[model], self.external_models_dir, policy=self._policy, progress=progress, cancel=cancel
        )
        return self._usable(model, fetched)

    def verify(self, name: object) -> None:
        """Read all files of a downloaded model against its manifest, where it has one; raises DamagedModelError."""
        verify_model(self.path_of(name))

    def _verified(self, model: str) -> Path:
        """Return the path of `model` when its files are what they should be, complete or not."""
        for path in self._entries():
            if self._name_of(path) == model and self._is_inside(path):
                self._check(path)
        return self.path_of(model)

    def _check(self, path: Path) -> None:
        """Read all files of a model against its manifest; what was damaged is not read again until it changes."""
        state = None
        with contextlib.suppress(OSError, DamagedModelError):
            state = state_of(path)
        known, reason = self._damaged.get(path, (None, ""))
        if state is not None and state == known:
            raise DamagedModelError(reason)
        try:
            verify_model(path)
        except DamagedModelError as error:
            if state is not None:
                self._damaged[path] = (state, str(error))
            raise

    def _is_baked_in(self, model: str) -> bool:
        return any(self._name_of(path) == model and not path.is_symlink() for path in self._entries())

    def _usable(self, model: str, fetched: Path) -> Path:
        try:
            return self.path_of(model)
        except ModelNotFoundError as error:
            raise DownloadError(
                f"'{fetched}' is there but cannot be used as '{self.models_dir / fetched.name}': it is incomplete, or "
                f"the link cannot be made. Remove what is in the way, or make '{self.models_dir}' writable."
            ) from error

    def _entries(self) -> list[Path]:
        """Return what is in `models/`, real folders and files before links."""
        try:
            return sorted(self.models_dir.iterdir(), key=lambda path: (path.is_symlink(), path.name))
        except OSError:
            return []

    def complete(self) -> Iterator[tuple[str, Path]]:
        """Yield name and path of every entry of `models/` that can be loaded, without linking anything first."""
        for path in self._entries():
            name = self._name_of(path)
            if name and self._can_be_loaded(path):
                yield name, path

    def _name_of(self, path: Path) -> str | None:
        """Return the model that the entry `path` of `models/` is, if its name says so."""
        name = path.name
        if not model_links.may_be_model(name):
            return None
        if not path.is_dir():
            suffix = next((suffix for suffix in self._suffixes if name.endswith(suffix)), None)
            if suffix is None:
                return None
            name = name.removesuffix(suffix)
        return name if is_name(name) else None

    def _is_inside(self, path: Path) -> bool:
        return model_links.is_inside(path, self.models_dir, self.external_models_dir)

    def _can_be_loaded(self, path: Path) -> bool:
        try:
            if not self._is_inside(path):
                return False
            return holds_something(path) and has_right_sizes(path) and self._is_complete(path)
        except Exception:  # an engine's own check may fail in any way
            logger.warning("Cannot tell whether '%s' is complete; it is left out.", path, exc_info=True)
            return False


__all__ = [
    "DamagedModelError",
    "DownloadPolicy",
    "DownloadableModel",
    "ModelNotFoundError",
    "ModelStore",
    "Progress",
    "holds_something",
]
