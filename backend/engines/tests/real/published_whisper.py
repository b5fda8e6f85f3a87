"""Whisper base as a .pt file of openai-whisper, made of the listening tests' model in CTranslate2's format.

Both hold the same tensors; CTranslate2's has queries, keys and values in one. PyTorch is not needed.
"""

import collections
import os
import pickle
import struct
import sys
import types
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any
from unittest import mock

import numpy as np
import numpy.typing as npt

Tensor = npt.NDArray[np.float16]
HEADS = 8  # of Whisper base
_LAYER = {
    "self_attention.layer_norm": "attn_ln",
    "self_attention.linear_0": "attn:query,key,value",
    "self_attention.linear_1": "attn:out",
    "attention.layer_norm": "cross_attn_ln",
    "attention.linear_0": "cross_attn:query",
    "attention.linear_1": "cross_attn:key,value",
    "attention.linear_2": "cross_attn:out",
    "ffn.layer_norm": "mlp_ln",
    "ffn.linear_0": "mlp.0",
    "ffn.linear_1": "mlp.2",
}
_KINDS = {"weight": "weight", "bias": "bias", "gamma": "weight", "beta": "bias"}


def write_published(folder: Path, path: Path) -> None:
    """Write the model in `folder`, in CTranslate2's format with 16 bits, as the .pt file `path`."""
    tensors = dict(_renamed(dict(_variables(folder / "model.bin"))))
    text, sound = tensors["decoder.token_embedding.weight"], tensors["encoder.positional_embedding"]
    dims = {
        "n_mels": tensors["encoder.conv1.weight"].shape[1],
        "n_vocab": text.shape[0],
        "n_audio_ctx": sound.shape[0],
        "n_audio_state": sound.shape[1],
        "n_audio_head": HEADS,
        "n_audio_layer": _layers(tensors, "encoder"),
        "n_text_ctx": tensors["decoder.positional_embedding"].shape[0],
        "n_text_state": text.shape[1],
        "n_text_head": HEADS,
        "n_text_layer": _layers(tensors, "decoder"),
    }
    temporary = path.with_suffix(".part")
    write_checkpoint(temporary, dims, tensors)
    os.replace(temporary, path)


def write_checkpoint(path: Path, dims: dict[str, int], tensors: dict[str, Tensor]) -> None:
    """Write a .pt file as `torch.save` does."""
    with zipfile.ZipFile(path, "w") as archive:
        with archive.open("archive/data.pkl", "w") as file:
            _pickled(file, {"dims": dims, "model_state_dict": collections.OrderedDict(tensors)})
        archive.writestr("archive/version", "3\n")
        archive.writestr("archive/byteorder", "little")
        for number, tensor in enumerate(tensors.values()):
            archive.writestr(f"archive/data/{number}", np.ascontiguousarray(tensor, "<f2").tobytes())


def _pickled(file: IO[bytes], content: dict[str, Any]) -> None:
    """Pickle with the names of PyTorch, which are only stand-ins here."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    storage = type("HalfStorage", (), {"__module__": "torch"})

    def _rebuild_tensor_v2() -> None: ...

    _rebuild_tensor_v2.__module__, _rebuild_tensor_v2.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    vars(torch).update(HalfStorage=storage, _utils=utils)
    vars(utils).update(_rebuild_tensor_v2=_rebuild_tensor_v2)
    keys = {id(tensor): str(number) for number, tensor in enumerate(content["model_state_dict"].values())}

    class Numbers:
        def __init__(self, tensor: Tensor) -> None:
            self.tensor = tensor

    class Pickler(pickle.Pickler):
        def persistent_id(self, value: Any) -> Any:
            if isinstance(value, Numbers):
                return "storage", storage, keys[id(value.tensor)], "cpu", value.tensor.size
            return None

        def reducer_override(self, value: Any) -> Any:
            if not isinstance(value, np.ndarray):
                return NotImplemented
            strides = tuple(int(np.prod(value.shape[axis + 1 :])) for axis in range(value.ndim))
            arguments: tuple[Any, ...] = (Numbers(value), 0, value.shape, strides, False, collections.OrderedDict())
            return _rebuild_tensor_v2, arguments

    with mock.patch.dict(sys.modules, {"torch": torch, "torch._utils": utils}):
        Pickler(file, 2).dump(content)


def _variables(path: Path) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors of a model.bin."""
    with path.open("rb") as file:

        def number(kind: str) -> int:
            return int(struct.unpack(f"<{kind}", file.read(struct.calcsize(kind)))[0])

        def string() -> str:
            return file.read(number("H"))[:-1].decode()

        assert number("I") == 6
        assert string() == "WhisperSpec"
        number("I")
        for _ in range(number("I")):
            name = string()
            shape = [number("I") for _ in range(number("B"))]
            number("B")
            content = file.read(number("I"))
            if len(content) == 2 * np.prod(shape) and len(shape) > 0:
                yield name, np.frombuffer(content, "<f2").reshape(shape)


def _renamed(variables: dict[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors by the names of openai-whisper."""
    for name, tensor in variables.items():
        side, _, rest = name.partition("/")
        part, _, kind = rest.replace("/", ".").rpartition(".")
        if part.startswith("layer_") and part != "layer_norm":
            number, _, place = part.removeprefix("layer_").partition(".")
            yield from _parts(f"{side}.blocks.{number}.{_LAYER[place]}", _KINDS[kind], tensor)
        elif part.startswith("conv"):
            yield f"{side}.{part}.{kind}", tensor
        elif part == "position_encodings":
            yield f"{side}.positional_embedding", tensor
        elif part.startswith("embeddings"):
            yield f"{side}.token_embedding.{kind}", tensor
        elif part == "layer_norm":
            yield f"{side}.{'ln_post' if side == 'encoder' else 'ln'}.{_KINDS[kind]}", tensor


def _parts(place: str, kind: str, tensor: Tensor) -> Iterator[tuple[str, Tensor]]:
    """Yield a tensor, or the several that it joins."""
    layer, _, names = place.partition(":")
    if not names:
        yield f"{layer}.{kind}", tensor
        return
    joined = names.split(",")
    for name, part in zip(joined, np.split(tensor, len(joined)), strict=True):
        if (name, kind) != ("key", "bias"):  # keys have none
            yield f"{layer}.{name}.{kind}", part


def _layers(tensors: dict[str, Tensor], side: str) -> int:
    return len({name.split(".")[2] for name in tensors if name.startswith(f"{side}.blocks.")})
