"""Rebuild the committed voice from scratch with espeak, which takes minutes."""

from dataclasses import fields

import numpy as np
import onnx
import pytest

from builtin_voice import build
from builtin_voice.learning import SENTENCES, examples, learn, lessons
from builtin_voice.tables import Tables

_TOLERANCE = 0.02
_RARELY_HEARD = 0.05
"""Tolerance of one value in a thousand: what is learned from few segments moves with each."""


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_rebuilt_tables_are_the_committed_ones_within_tolerance() -> None:
    committed = build.tables_of(onnx.load(build.TARGET / build.MODEL_NAME))
    rebuilt = learn(examples(lessons(SENTENCES)))
    assert_near(rebuilt, committed)


def assert_near(found: Tables, expected: Tables) -> None:
    for field in fields(Tables):
        ours, theirs = (getattr(tables, field.name).astype(np.float64) for tables in (found, expected))
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=_RARELY_HEARD, err_msg=field.name)
        beyond = np.count_nonzero(np.abs(ours - theirs) > _TOLERANCE)
        assert beyond <= ours.size / 1000, f"{field.name}: {beyond} of {ours.size} values"
