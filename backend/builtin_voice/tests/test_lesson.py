"""espeak's speech, split into the graph's segments."""

import numpy as np
import onnx
import pytest

from builtin_voice import build
from builtin_voice.corpus import sentences
from builtin_voice.inventory import UNITS, VOWELS, symbols, unit_of
from builtin_voice.learning import examples
from builtin_voice.lesson import lesson, unit_name
from builtin_voice.teacher import Espeak
from core_engine.kokoro.vocabulary import VOCABULARY


@pytest.mark.parametrize("voice", ["gmw/en-US", "gmw/en"])
def test_lesson_of_every_sentence_is_aligned_and_in_order(voice: str) -> None:
    teacher = Espeak(voice, pitch_range=0)
    for text in sentences(10, seed=1):
        found = lesson(text, teacher.speak(text))
        assert found is not None, text
        for sound, following in zip(found.sounds, found.sounds[1:], strict=False):
            assert sound.closure <= sound.start < sound.end <= following.closure


def test_lesson_gives_a_stop_its_closure() -> None:
    text = "A happy cat."
    found = lesson(text, Espeak().speak(text))
    assert found is not None
    closures = {sound.symbols: sound.start - sound.closure for sound in found.sounds}
    assert closures["p"] > 0.02 * found.sample_rate
    assert closures["ˈæ"] == 0


def test_examples_agree_with_the_graph_on_units() -> None:
    text = "The judge wired fourteen firemen, didn't she?"
    found = lesson(text, Espeak().speak(text))
    assert found is not None
    data = examples(iter([found]))
    assert [UNITS[number] for number in data.unit] == [unit_name(sound) for sound in found.sounds]
    assert np.isfinite(data.cepstra).all()


def test_espeak_unknown_voice_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="no-such-voice"):
        Espeak("no-such-voice").speak("Hello.")


def test_every_symbol_is_a_unit_or_a_mark() -> None:
    assert len(symbols()) == max(VOCABULARY.values()) + 1 == 178
    spoken = {symbol for symbol in symbols() if unit_of(symbol)}
    assert set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") <= spoken
    assert not spoken & set('ˈˌː "«»')


def test_tables_cover_every_unit() -> None:
    tables = build.tables_of(onnx.load(build.TARGET / build.MODEL_NAME))
    assert len(tables.unit) == len(UNITS)
    vowels = [UNITS.index(vowel) for vowel in VOWELS]
    assert (tables.loudest[vowels] > -8).all()
