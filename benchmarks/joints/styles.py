"""One style for all chunks of a text, where each has that of its own length."""

from dataclasses import replace

import numpy as np

from core_engine.kokoro.dimensions import MAX_TOKENS
from core_engine.kokoro.speech.synthesis import Utterance
from core_engine.kokoro.voice.packs import style_row


def with_one_style(utterance: Utterance) -> Utterance:
    """Return an utterance whose chunks are all spoken in the style that one run over its whole text would have."""
    tokens = sum(len(chunk.token_ids) for chunk in utterance.chunks)
    row = style_row(utterance.pack, min(tokens, MAX_TOKENS))
    return replace(utterance, pack=np.broadcast_to(row, utterance.pack.shape))
