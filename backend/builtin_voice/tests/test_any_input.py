"""Any ids, style and speed give finite, clean audio."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builtin_voice.tests.conftest import Speak
from core_engine.kokoro.dimensions import MAX_TOKENS
from core_engine.kokoro.vocabulary import token_ids

_SENTENCE = token_ids("ðə lˈaɪthaʊs kˈiːpɚ klˈaɪmd ðə stˈɛɹz æt dˈʌsk.")
_ANY_IDS = st.lists(st.integers(0, 177), min_size=1, max_size=MAX_TOKENS)


def assert_clean(audio: npt.NDArray[np.float32]) -> None:
    assert audio.dtype == np.float32
    assert audio.ndim == 1
    assert len(audio) > 0
    assert np.isfinite(audio).all()
    assert np.abs(audio).max() < 0.999


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ids=_ANY_IDS, speed=st.floats(0.5, 2.0))
def test_any_ids_any_order(speak: Speak, ids: Any, speed: float) -> None:
    assert_clean(speak(ids, speed=speed))


@pytest.mark.parametrize("token_id", range(178))
def test_every_id_alone(speak: Speak, token_id: int) -> None:
    assert_clean(speak([token_id]))


@pytest.mark.parametrize("ids", [[-1], [178, 10**9], [-(2**62), 50]])
def test_ids_outside_the_vocabulary_are_silent_pads(speak: Speak, ids: list[int]) -> None:
    assert_clean(speak(ids))


def test_ids_without_pads_or_none_at_all(speak: Speak) -> None:
    assert_clean(speak(_SENTENCE, pads=False))
    assert_clean(speak([], pads=False))


@pytest.mark.parametrize("value", [0.0, 1.0, -1.0, 1e30, -1e30, np.inf, np.nan])
def test_any_style(speak: Speak, value: Any) -> None:
    assert_clean(speak(_SENTENCE, np.full((1, 256), value)))


@pytest.mark.parametrize("speed", [0.0, -1.0, 0.5, 2.0, 1e9, np.inf, np.nan])
def test_any_speed(speak: Speak, speed: Any) -> None:
    assert_clean(speak(_SENTENCE, speed=speed))


def test_marks_in_a_row_pause_once(speak: Speak) -> None:
    ellipsis = token_ids("…")
    assert len(speak(ellipsis * MAX_TOKENS)) < 20 * 24_000
    assert len(speak(token_ids("!?"))) - len(speak(token_ids("!"))) <= 0.03 * 24_000


def test_same_input_same_audio(speak: Speak) -> None:
    np.testing.assert_array_equal(speak(_SENTENCE), speak(_SENTENCE))


def test_no_dc(speak: Speak) -> None:
    audio = speak(_SENTENCE)
    assert abs(audio.mean()) < 1e-3 * np.abs(audio).max()


@pytest.mark.parametrize(("speed", "factor"), [(0.5, 2.0), (2.0, 0.5)])
def test_speed_scales_the_length(speak: Speak, speed: float, factor: float) -> None:
    assert len(speak(_SENTENCE, speed=speed)) / len(speak(_SENTENCE)) == pytest.approx(factor, rel=0.05)
