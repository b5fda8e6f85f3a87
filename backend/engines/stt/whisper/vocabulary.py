"""Whisper's vocabulary as a tokenizer of the library `tokenizers`, made from the list in the package openai-whisper.

The package is not imported, so PyTorch is not needed.
"""

import base64
import importlib.util
from pathlib import Path
from typing import Any

from engines.contract.errors import EngineError

_LISTED = """
en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th ur hr bg lt la mi ml
cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr pa si km sn yo so af oc ka be tg sd gu am
yi lo uz fo ht ps tk nn mt sa lb my bo tl mg as tt haw ln ha ba jw su yue
"""
LANGUAGES = tuple(_LISTED.split())
"""In OpenAI's order; models with fewer have the first ones."""
_SPECIAL_BESIDE_LANGUAGES = 8 + 1501
_SPLIT = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def new_tokenizer(size: int) -> Any:
    """Return the tokenizers.Tokenizer of a model with `size` tokens.

    Raises EngineError if openai-whisper is not installed, and ValueError if no vocabulary of Whisper has that size.
    """
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

    is_multilingual = size >= 51_865
    ranks = _ranks("multilingual" if is_multilingual else "gpt2")
    languages = size - len(ranks) - _SPECIAL_BESIDE_LANGUAGES
    if not 0 < languages <= len(LANGUAGES):
        raise ValueError(f"a vocabulary of {size} tokens is not Whisper's")
    letters = _letters()
    spelled = {token: "".join(letters[byte] for byte in token) for token in ranks}
    merges = [(spelled[left], spelled[right]) for left, right in _merges(ranks)]
    made = Tokenizer(models.BPE({spelled[token]: rank for token, rank in ranks.items()}, merges))
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(_SPLIT), "isolated"), pre_tokenizers.ByteLevel(False, use_regex=False)]
    )
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(name, special=True) for name in _special(languages)])
    return made


def _ranks(name: str) -> dict[bytes, int]:
    """Return the tokens of texts as bytes, with their ids."""
    found = importlib.util.find_spec("whisper")
    folders = list(found.submodule_search_locations or ()) if found else []
    path = next((Path(folder) / "assets" / f"{name}.tiktoken" for folder in folders), None)
    if path is None or not path.is_file():
        raise EngineError(
            "The vocabulary of Whisper's .pt files is missing. Run `pip install --no-deps openai-whisper`, or use a "
            "folder of faster-whisper."
        )
    lines = (line.split() for line in path.read_text(encoding="ascii").splitlines() if line)
    return {base64.b64decode(token): int(rank) for token, rank in lines}


def _special(languages: int) -> list[str]:
    """Return the names of the special tokens, in the order of their ids."""
    names = ["endoftext", "startoftranscript", *LANGUAGES[:languages], "translate", "transcribe", "startoflm"]
    names += ["startofprev", "nospeech", "notimestamps", *(f"{step * 0.02:.2f}" for step in range(1501))]
    return [f"<|{name}|>" for name in names]


def _letters() -> dict[int, str]:
    """Return the printable character that stands for each byte in a tokenizer's file, as GPT-2 has it."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + number) for number, byte in enumerate(others)}


def _merges(ranks: dict[bytes, int]) -> list[tuple[bytes, bytes]]:
    """Return the two parts that each token of several bytes was merged from, in the order of the tokens."""
    ordered = sorted((rank, token) for token, rank in ranks.items() if len(token) > 1)
    return [_last_merge(token, rank, ranks) for rank, token in ordered]


def _last_merge(token: bytes, below: int, ranks: dict[bytes, int]) -> tuple[bytes, bytes]:
    """Merge the bytes of `token` by all tokens before it, until two parts are left."""
    parts = [bytes([byte]) for byte in token]
    while len(parts) > 2:
        pairs = [(ranks.get(parts[i] + parts[i + 1], below), i) for i in range(len(parts) - 1)]
        rank, best = min(pairs)
        if rank >= below:
            raise ValueError(f"token {below} is not made of others")
        parts[best : best + 2] = [parts[best] + parts[best + 1]]
    return parts[0], parts[1]
