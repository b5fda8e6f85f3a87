"""Seven voices, prosody and cleanliness, measured on finished sound."""

import itertools
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
from sentences import HARVARD
from speakers import accent, inputs, lessons, timed_session

from builtin_voice.inventory import UNITS, VOWELS
from builtin_voice.voices import VOICE_CONTROLS
from core_engine.kokoro.dimensions import SAMPLE_RATE
from core_engine.kokoro.text.phonemes import phonemize
from core_engine.kokoro.vocabulary import token_ids
from listening.acoustics import HOP_S, pitch_track, spectral_tilt

Floats = npt.NDArray[np.float32]

_QUESTION, _STATEMENT = "Will they come home today?", "They will come home today."
_JOINT_S = 0.00025
"""How far around a joint a jump counts as its own."""

_MARGIN_S = 0.002


def seven_voices(session: onnxruntime.InferenceSession) -> dict[str, dict[str, float]]:
    """Return median pitch (Hz) and tilt (dB) of every voice over ten sentences of its own accent."""
    found = {}
    for voice in VOICE_CONTROLS:
        read = [session.run(["audio"], inputs(item.ids, voice))[0] for item in lessons(HARVARD[:10], accent(voice))]
        audio = np.concatenate(read)
        pitch = float(np.nanmedian(pitch_track(audio, SAMPLE_RATE)))
        found[voice] = {"pitch_hz": round(pitch, 1), "tilt_db": round(spectral_tilt(audio, SAMPLE_RATE), 1)}
    return found


def least_difference(voices: dict[str, dict[str, float]]) -> float:
    """Return how far the two most similar voices are apart: semitones of pitch and dB of tilt, whichever is more."""
    return min(
        max(12 * abs(np.log2(one["pitch_hz"] / other["pitch_hz"])), abs(one["tilt_db"] - other["tilt_db"]))
        for one, other in itertools.combinations(voices.values(), 2)
    )


def prosody(model: Path) -> dict[str, float]:
    """Return the turns at the end (semitones), the pauses (s), and what stress does to vowels (ratios)."""
    session = timed_session(model)

    def say(text: str) -> Floats:
        audio: Floats = session.run(["audio"], inputs(token_ids(phonemize(text)), "am_adam"))[0]
        return audio

    longer, higher = _stress(session)
    return {
        "fall_semitones": _turn(say(_STATEMENT)),
        "rise_semitones": _turn(say(_QUESTION)),
        "comma_s": _silence(say("We walked home, and we slept.")),
        "full_stop_s": _silence(say("We walked home. And we slept.")),
        "stressed_vowel_length": longer,
        "stressed_vowel_pitch": higher,
    }


def _turn(audio: Floats) -> float:
    """Return how far the last 50 ms of voice lie above the middle of the sentence."""
    track = pitch_track(audio, SAMPLE_RATE)
    track = track[~np.isnan(track)]
    return float(12 * np.log2(np.median(track[-10:]) / np.median(track)))


def _silence(audio: Floats) -> float:
    """Return the longest silence inside, in seconds."""
    loud = np.flatnonzero(np.abs(audio) > 0.01 * np.abs(audio).max())
    return float(np.diff(loud).max() / SAMPLE_RATE)


def _stress(session: onnxruntime.InferenceSession) -> tuple[float, float]:
    """Return length and pitch of stressed vowels over unstressed ones."""
    lengths: dict[bool, list[float]] = {True: [], False: []}
    pitches: dict[bool, list[float]] = {True: [], False: []}
    for item in lessons(HARVARD, "en-us"):
        audio, unit, stress, begin, end = session.run(None, inputs(item.ids, "am_adam"))
        track = pitch_track(audio, SAMPLE_RATE)
        for number in np.flatnonzero(np.isin(unit, [UNITS.index(vowel) for vowel in VOWELS])):
            lengths[stress[number] == 2].append(end[number] - begin[number])
            part = track[int(begin[number] / HOP_S) : int(end[number] / HOP_S)]
            pitches[stress[number] == 2].extend(part[~np.isnan(part)])
    return (
        float(np.mean(lengths[True]) / np.mean(lengths[False])),
        float(np.median(pitches[True]) / np.median(pitches[False])),
    )


def cleanliness(model: Path) -> dict[str, float]:
    """Return DC and peak, and of all voices the largest jump at a joint over the 99.9th percentile within vowels."""
    session = timed_session(model)
    worst, dc, peak = 0.0, 0.0, 0.0
    for voice in VOICE_CONTROLS:
        at_joints, in_vowels = list[Floats](), list[Floats]()
        for item in lessons(HARVARD, accent(voice)):
            audio, unit, _, begin, end = session.run(None, inputs(item.ids, voice))
            joint, inside = _jumps(audio, unit, begin, end)
            at_joints.append(joint)
            in_vowels.append(inside)
            dc, peak = max(dc, abs(float(audio.mean()))), max(peak, float(np.abs(audio).max()))
        usual = np.quantile(np.concatenate(in_vowels), 0.999)
        worst = max(worst, float(np.concatenate(at_joints).max() / usual))
    return {"joint_jump": worst, "dc": dc, "peak": peak}


def _jumps(audio: Floats, unit: npt.NDArray[np.int64], begin: Floats, end: Floats) -> tuple[Floats, Floats]:
    """Return the sample-to-sample steps at the joints and those inside vowels."""
    jumps: Floats = np.abs(np.diff(audio))
    inside, joint = np.zeros(len(jumps), dtype=bool), np.zeros(len(jumps), dtype=bool)
    for number, (first, last) in enumerate(zip(begin, end, strict=True)):
        if UNITS[unit[number]] in VOWELS:
            inside[int((first + _MARGIN_S) * SAMPLE_RATE) : int((last - _MARGIN_S) * SAMPLE_RATE)] = True
        for edge in (first, last):
            joint[max(int((edge - _JOINT_S) * SAMPLE_RATE), 0) : max(int((edge + _JOINT_S) * SAMPLE_RATE), 0)] = True
    return jumps[joint], jumps[inside]
