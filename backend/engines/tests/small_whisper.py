"""A small model of Whisper's architecture, made in a moment, that says one text whatever it hears.

Its weights are not trained but set: each token is followed by the next one of the text, and looks at its own third of a
second of the recording, so that the times of the words are known. It runs on the real faster-whisper.
"""

from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from engines.stt.whisper import conversion
from engines.stt.whisper.checkpoint import Checkpoint

TOKENS = (" The", " old", " house", " stood", " there", ".", " Nobody", " came", "!")
TEXT = "The old house stood there. Nobody came!"
WORD_S = 0.3
"""Seconds of each token; the first one begins with the recording."""
SPOKEN_S = WORD_S * len(TOKENS)

_STATES_PER_WORD = 15  # of 20 ms
_AUDIO_STATES, _TEXT_STATES, _MELS = 1500, 448, 80
_SPECIAL = (
    "<|endoftext|>",
    "<|startoftranscript|>",
    "<|translate|>",
    "<|transcribe|>",
    "<|startoflm|>",
    "<|startofprev|>",
    "<|nospeech|>",
    "<|notimestamps|>",
)


def write_small_whisper(folder: Path) -> None:
    """Write the model as a folder of faster-whisper."""
    tokenizer = _tokenizer()
    size = tokenizer.get_vocab_size()
    dims = {
        "n_mels": _MELS,
        "n_vocab": size,
        "n_audio_ctx": _AUDIO_STATES,
        "n_audio_state": size,
        "n_audio_head": 1,
        "n_audio_layer": 1,
        "n_text_ctx": _TEXT_STATES,
        "n_text_state": size,
        "n_text_head": 1,
        "n_text_layer": 1,
    }
    with mock.patch.object(conversion, "new_tokenizer", return_value=tokenizer):
        conversion.write_folder(Checkpoint(dims, _tensors(tokenizer, size)), folder)


def _tokenizer() -> Any:
    """Return a tokenizer of single bytes, the tokens of the text and Whisper's special ones."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = [token.replace(" ", "Ġ") for token in TOKENS if token not in letters]
    made = Tokenizer(
        models.BPE({token: number for number, token in enumerate([*letters, *words])}, [], ignore_merges=True)
    )
    made.pre_tokenizer = pre_tokenizers.ByteLevel(False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(name, special=True) for name in _SPECIAL])
    return made


def _tensors(tokenizer: Any, size: int) -> dict[str, Any]:
    """Return the tensors by the names of openai-whisper; a token is one dimension of the states."""
    said = [tokenizer.token_to_id(token.replace(" ", "Ġ")) for token in TOKENS]
    begin, first, end = (
        tokenizer.token_to_id(name) for name in ("<|startoftranscript|>", "<|notimestamps|>", "<|endoftext|>")
    )
    chain = [begin, first, *said, end]
    follows, looks_at = np.zeros((size, size), np.float32), np.zeros((size, size), np.float32)
    for token, following in pairwise(chain):
        follows[following, token] = 1
    for slot, token in enumerate([first, *said]):
        looks_at[slot, token] = 1
    slots = np.arange(_AUDIO_STATES) // _STATES_PER_WORD
    none, ones, nothing = (np.zeros((size, size), np.float32), np.ones(size, np.float32), np.zeros(size, np.float32))
    identity = np.eye(size, dtype=np.float32)
    return {
        "encoder.conv1.weight": np.zeros((size, _MELS, 3), np.float32),
        "encoder.conv1.bias": nothing,
        "encoder.conv2.weight": np.zeros((size, size, 3), np.float32),
        "encoder.conv2.bias": nothing,
        "encoder.positional_embedding": 10 * identity[slots],
        "encoder.ln_post.weight": ones,
        "encoder.ln_post.bias": nothing,
        "decoder.token_embedding.weight": identity,
        "decoder.positional_embedding": np.zeros((_TEXT_STATES, size), np.float32),
        "decoder.ln.weight": ones,
        "decoder.ln.bias": nothing,
        **_attention("encoder.blocks.0.attn", none, none),
        **_network("encoder.blocks.0", none),
        **_attention("decoder.blocks.0.attn", none, none),
        **_attention("decoder.blocks.0.cross_attn", looks_at, identity),
        **_network("decoder.blocks.0", follows),
    }


def _attention(place: str, query: Any, key: Any) -> dict[str, Any]:
    """Return an attention that adds nothing."""
    size = len(query)
    weights = {"query": query, "key": key, "value": np.zeros_like(query), "out": np.zeros_like(query)}
    biases = {f"{place}.{name}.bias": np.zeros(size, np.float32) for name in ("query", "value", "out")}
    return {
        **{f"{place}.{name}.weight": weight for name, weight in weights.items()},
        **biases,
        **_norm(f"{place}_ln", size),
    }


def _network(place: str, weight: Any) -> dict[str, Any]:
    """Return a network that adds `weight` times its input where that is positive."""
    size = len(weight)
    rest = np.zeros((3 * size, size), np.float32)
    return {
        f"{place}.mlp.0.weight": np.vstack([np.eye(size, dtype=np.float32), rest]),
        f"{place}.mlp.0.bias": np.zeros(4 * size, np.float32),
        f"{place}.mlp.2.weight": np.hstack([weight, rest.T]),
        f"{place}.mlp.2.bias": np.zeros(size, np.float32),
        **_norm(f"{place}.mlp_ln", size),
    }


def _norm(place: str, size: int) -> dict[str, Any]:
    return {f"{place}.weight": np.ones(size, np.float32), f"{place}.bias": np.zeros(size, np.float32)}
