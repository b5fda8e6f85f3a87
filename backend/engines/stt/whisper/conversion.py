"""A .pt file of openai-whisper as a folder of faster-whisper, with weights of 8 bits; made once, without PyTorch."""

import json
import logging
import secrets
import shutil
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.contract.errors import unusable_if_damaged
from engines.store.manifest import sha256_of
from engines.stt.whisper.checkpoint import Checkpoint, read_checkpoint
from engines.stt.whisper.vocabulary import LANGUAGES, new_tokenizer

if TYPE_CHECKING:
    from engines.stt.whisper.checkpoint import Tensors

logger = logging.getLogger(__name__)

_FORMAT = "ct2-int8-1"
"""Part of the folder's name: change it if the same file is converted to something else."""


def converted(path: Path, cache: Path) -> Path:
    """Return the folder in `cache` with the model of the .pt file `path`, made unless it is there.

    Raises UnusableModelError if the file is not a Whisper model.
    """
    folder = cache / f"{path.stem}-{_FORMAT}-{sha256_of(path)[:16]}"
    if folder.is_dir():
        return folder
    logger.info("Converting '%s' for faster-whisper; the next load is faster.", path.name)
    advice = "Replace it with a .pt file as openai-whisper publishes them."
    temporary = cache / f".{folder.name}.{secrets.token_hex(8)}"
    try:
        with unusable_if_damaged(f"'{path.name}' is no model of openai-whisper, or is damaged", advice):
            write_folder(read_checkpoint(path), temporary)
        _publish(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


def write_folder(model: Checkpoint, folder: Path) -> None:
    """Write a model in faster-whisper's format; raises KeyError or ValueError for tensors that are not Whisper's."""
    import ctranslate2.specs.whisper_spec as whisper_spec

    dims, tensors = model.dims, model.tensors
    spec = whisper_spec.WhisperSpec(
        dims["n_audio_layer"], dims["n_audio_head"], dims["n_text_layer"], dims["n_text_head"]
    )
    _set_encoder(spec.encoder, tensors)
    _set_decoder(spec.decoder, tensors)
    tokenizer = new_tokenizer(dims["n_vocab"])
    vocabulary = [tokenizer.id_to_token(number) for number in range(dims["n_vocab"])]
    spec.register_vocabulary(vocabulary)
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = [*tokenizer.encode(" ").ids, tokenizer.token_to_id("<|endoftext|>")]
    languages = (tokenizer.token_to_id(f"<|{code}|>") for code in LANGUAGES)
    spec.config.lang_ids = [number for number in languages if number is not None]
    half = dims["n_text_layer"] // 2
    spec.config.alignment_heads = list(product(range(half, dims["n_text_layer"]), range(dims["n_text_head"])))
    spec.validate()
    spec.optimize(quantization="int8")
    folder.mkdir(parents=True)
    spec.save(str(folder))
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"feature_size": dims["n_mels"]}
    (folder / "preprocessor_config.json").write_text(json.dumps(settings), encoding="utf-8")


def _set_encoder(spec: Any, tensors: "Tensors") -> None:
    for name in ("conv1", "conv2"):
        _set_pair(getattr(spec, name), tensors, f"encoder.{name}")
    spec.position_encodings.encodings = _float(tensors["encoder.positional_embedding"])
    for number, layer in enumerate(spec.layer):
        _set_layer(layer, tensors, f"encoder.blocks.{number}")
    _set_norm(spec.layer_norm, tensors, "encoder.ln_post")


def _set_decoder(spec: Any, tensors: "Tensors") -> None:
    spec.embeddings.weight = _float(tensors["decoder.token_embedding.weight"])
    spec.projection.weight = spec.embeddings.weight
    spec.position_encodings.encodings = _float(tensors["decoder.positional_embedding"])
    for number, layer in enumerate(spec.layer):
        place = f"decoder.blocks.{number}"
        _set_layer(layer, tensors, place)
        attention = layer.attention
        _set_norm(attention.layer_norm, tensors, f"{place}.cross_attn_ln")
        _set_joined(attention.linear[0], tensors, f"{place}.cross_attn", "query")
        _set_joined(attention.linear[1], tensors, f"{place}.cross_attn", "key", "value")
        _set_joined(attention.linear[2], tensors, f"{place}.cross_attn", "out")
    _set_norm(spec.layer_norm, tensors, "decoder.ln")


def _set_layer(layer: Any, tensors: "Tensors", place: str) -> None:
    _set_norm(layer.self_attention.layer_norm, tensors, f"{place}.attn_ln")
    _set_joined(layer.self_attention.linear[0], tensors, f"{place}.attn", "query", "key", "value")
    _set_joined(layer.self_attention.linear[1], tensors, f"{place}.attn", "out")
    _set_norm(layer.ffn.layer_norm, tensors, f"{place}.mlp_ln")
    _set_pair(layer.ffn.linear_0, tensors, f"{place}.mlp.0")
    _set_pair(layer.ffn.linear_1, tensors, f"{place}.mlp.2")


def _set_joined(spec: Any, tensors: "Tensors", place: str, *names: str) -> None:
    """Set one linear layer from several; keys have no bias."""
    import numpy as np

    weights = [_float(tensors[f"{place}.{name}.weight"]) for name in names]
    nothing = np.zeros(len(weights[0]), np.float32)
    biases = [_float(tensors[f"{place}.{name}.bias"]) if name != "key" else nothing for name in names]
    spec.weight, spec.bias = np.concatenate(weights), np.concatenate(biases)


def _set_pair(spec: Any, tensors: "Tensors", place: str) -> None:
    spec.weight, spec.bias = _float(tensors[f"{place}.weight"]), _float(tensors[f"{place}.bias"])


def _set_norm(spec: Any, tensors: "Tensors", place: str) -> None:
    spec.gamma, spec.beta = _float(tensors[f"{place}.weight"]), _float(tensors[f"{place}.bias"])


def _float(tensor: Any) -> Any:
    import numpy as np

    return np.ascontiguousarray(tensor, np.float32)


def _publish(temporary: Path, folder: Path) -> None:
    try:
        temporary.replace(folder)
    except OSError:
        if not folder.is_dir():  # otherwise another server was faster
            raise
