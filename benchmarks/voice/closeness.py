"""How close is it to its teacher? Distance of the sounds, and lengths of the phones, against espeak's rendering."""

from pathlib import Path

import numpy as np
import onnxruntime
from sentences import HARVARD
from speakers import TEACHERS, inputs, lessons, timed_session

from core_engine.kokoro.dimensions import SAMPLE_RATE
from listening.acoustics import mel_cepstra, mel_cepstral_distance


def distance_db(session: onnxruntime.InferenceSession, texts: list[str] = HARVARD) -> float:
    """Return the mean mel-cepstral distance in dB, both accents, the neutral voice speaking espeak's phonemes."""
    found = []
    for language in TEACHERS:
        for item in lessons(texts, language):
            ours = mel_cepstra(session.run(["audio"], inputs(item.ids))[0], SAMPLE_RATE)
            found.append(mel_cepstral_distance(ours, mel_cepstra(item.audio, item.sample_rate)))
    return float(np.mean(found))


def lengths(model: Path, texts: list[str] = HARVARD) -> dict[str, float]:
    """Return how far phones and whole sentences differ from espeak's in length at the same rate, as shares."""
    session = timed_session(model)
    phones, totals = [], []
    for language in TEACHERS:
        for item in lessons(texts, language):
            unit, begin, end = session.run(["unit", "begin", "end"], inputs(item.ids))
            spoken = slice(2, 2 + len(item.sounds))  # behind the graph's own pad and the caller's
            is_phone = unit[spoken] != 0
            ours = (end - begin)[spoken][is_phone]
            theirs = np.array([s.end - s.start for s in item.sounds])[is_phone] / item.sample_rate
            phones.append(np.abs(ours - theirs) / theirs)
            span = (item.sounds[-2].end - item.sounds[0].start) / item.sample_rate
            totals.append((end[spoken][-2] - begin[spoken][0]) / span)
    return {"phone": float(np.mean(np.concatenate(phones))), "sentence": float(np.mean(totals) - 1)}
