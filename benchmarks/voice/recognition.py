"""Is it understood? pocketsphinx aligns the sound with each sentence in turn; the likeliest one is its answer."""

from concurrent.futures import ProcessPoolExecutor

import numpy as np
from pocketsphinx import Decoder
from recordings import RATE, Floats, plain_words

_PEAK = 0.6


def identified(recordings: list[Floats], texts: list[str], processes: int = 2) -> float:
    """Return the share of `recordings`, the n-th of them of the n-th text, for which that text scores best."""
    with ProcessPoolExecutor(processes) as pool:
        answers = list(pool.map(_answer, recordings, [texts] * len(recordings), chunksize=4))
    return float(np.mean([answer == number for number, answer in enumerate(answers)]))


def _answer(audio: Floats, texts: list[str]) -> int:
    decoder = _decoder()
    raw = (audio / max(float(np.abs(audio).max()), 1e-9) * _PEAK * 32767).astype(np.int16).tobytes()
    scores = [_score(decoder, raw, plain_words(text)) for text in texts]
    return int(np.argmax(scores)) if max(scores) > -np.inf else -1


_kept: list[Decoder] = []


def _decoder() -> Decoder:
    """Return this process's recogniser, made once, without a language model."""
    if not _kept:
        _kept.append(
            Decoder(samprate=RATE, lm=None, loglevel="FATAL", bestpath=False, beam=1e-120, pbeam=1e-120, wbeam=1e-120)
        )
    return _kept[0]


def _score(decoder: Decoder, raw: bytes, text: str) -> float:
    decoder.set_align_text(text)
    decoder.start_utt()
    decoder.process_raw(raw, full_utt=True)
    decoder.end_utt()
    found = decoder.hyp()
    return float(found.best_score) if found is not None else -np.inf
