"""The .pt files of openai-whisper, read without PyTorch: nothing in them is executed.

Such a file is a zip archive: `data.pkl` describes the tensors, `data/N` has the numbers of each.
"""

import collections
import pickle
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Tensors = dict[str, npt.NDArray[np.floating[Any]]]

_TYPES = {"HalfStorage": "<f2", "FloatStorage": "<f4", "DoubleStorage": "<f8"}


@dataclass(frozen=True)
class Checkpoint:
    """The sizes of a model and its tensors, as openai-whisper names them."""

    dims: dict[str, int]
    tensors: "Tensors"


def read_checkpoint(path: Path) -> Checkpoint:
    """Return what is in a .pt file; raises ValueError if it is none, KeyError if something is missing in it."""
    if not zipfile.is_zipfile(path):
        raise ValueError("it is no zip archive, as PyTorch has written since version 1.6")
    with zipfile.ZipFile(path) as archive:
        described = next((name for name in archive.namelist() if name.endswith("/data.pkl")), None)
        if described is None:
            raise ValueError("the archive has no data.pkl")
        folder = described.removesuffix("data.pkl")
        with archive.open(described) as file:
            content = _Unpickler(file, archive, folder).load()
    return Checkpoint({name: int(value) for name, value in content["dims"].items()}, dict(content["model_state_dict"]))


class _Unpickler(pickle.Unpickler):
    """Makes dictionaries and arrays, and refuses everything else."""

    def __init__(self, file: Any, archive: zipfile.ZipFile, folder: str) -> None:
        super().__init__(file)
        self._archive, self._folder = archive, folder

    def find_class(self, module: str, name: str) -> Any:
        """Return the few things that a checkpoint is made of."""
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if module == "torch" and name in _TYPES:
            return _TYPES[name]
        raise pickle.UnpicklingError(f"it has '{module}.{name}', which no model needs")

    def persistent_load(self, pid: Any) -> "npt.NDArray[np.floating[Any]]":
        """Return the numbers of a tensor, (n,)."""
        import numpy as np

        _, number_type, key, _, count = pid
        numbers = np.frombuffer(self._archive.read(f"{self._folder}data/{key}"), number_type)
        if len(numbers) < count:
            raise ValueError(f"tensor {key} has {len(numbers)} of {count} numbers")
        return numbers


def _tensor(numbers: Any, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any) -> Any:
    """Return an array of `shape` over `numbers`; `strides` count numbers, not bytes."""
    import numpy as np

    if any(stride < 0 for stride in strides) or offset < 0:
        raise ValueError("a tensor begins before its numbers")
    last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True)) if all(shape) else 0
    if last >= max(1, len(numbers)):
        raise ValueError("a tensor ends after its numbers")
    steps = tuple(stride * numbers.itemsize for stride in strides)
    return np.lib.stride_tricks.as_strided(numbers[offset:], shape, steps, writeable=False)
