"""A story with a cast: its voices are told apart, all words are heard, and given phonemes are what is said."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from listening.acoustics import pitch_track
from listening.listener import Listener, Recording
from listening.tests.bars import check_nothing_lost_or_doubled, check_words
from listening.word_errors import together, word_errors, words_of

pytestmark = [pytest.mark.listening, pytest.mark.timeout(3600)]

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "the-wind-and-the-sun.md"
_NARRATOR, _WIND, _SUN, _DIALOGUE = "bm_george", "am_adam", "af_bella", "bf_emma"


def pitch_of(recording: Recording) -> float:
    return float(np.nanmedian(pitch_track(recording.audio, recording.sample_rate)))


def test_example_with_a_cast_is_understood_and_its_voices_alternate(
    storyflow: Callable[..., str], listener: Listener, tmp_path: Path
) -> None:
    told = json.loads(storyflow("narrate", EXAMPLE, "--dialogue", _DIALOGUE, "--out", tmp_path, "--json"))
    folder = Path(told["manifest"]).parent
    spoken = [(each, Recording.read(folder / each["path"])) for each in told["segments"]]
    voices = [each["voice"] for each, _ in spoken]
    assert voices == [_NARRATOR, _NARRATOR, _WIND, _SUN, _WIND, _NARRATOR, _SUN, _NARRATOR, _DIALOGUE]
    pitches = [(voice, pitch_of(recording)) for voice, (_, recording) in zip(voices, spoken, strict=True)]
    print(sorted(pitches))
    women = [pitch for voice, pitch in pitches if voice in (_SUN, _DIALOGUE)]
    men = [pitch for voice, pitch in pitches if voice in (_NARRATOR, _WIND)]
    assert min(women) > 1.15 * max(men)
    errors = together([word_errors(each["text"], listener.hear(recording)) for each, recording in spoken])
    check_words(errors, 4)
    check_nothing_lost_or_doubled(errors)


def test_given_phonemes_and_respellings_are_heard(
    storyflow: Callable[..., str], listener: Listener, tmp_path: Path
) -> None:
    names = tmp_path / "names.txt"
    names.write_text("Kiwi = /bənˈænə/\nBassoon = trumpet\n", encoding="utf-8")
    text = "She put the kiwi on the table. The bassoon was next to Kiwi's box, and the box was open."
    storyflow("say", text, "-o", tmp_path / "said.wav", "--lexicon", names)
    heard = words_of(listener.hear(Recording.read(tmp_path / "said.wav")))
    assert ("kiwi" in heard, "bassoon" in heard) == (True, True), "names in capitals must leave small letters alone"
    names.write_text("kiwi = /bənˈænə/\nbassoon = trumpet\n", encoding="utf-8")
    storyflow("say", text, "-o", tmp_path / "said.wav", "--lexicon", names)
    heard = words_of(listener.hear(Recording.read(tmp_path / "said.wav")))
    assert "kiwi" not in heard
    assert heard.count("banana") >= 1
    assert "trumpet" in heard
