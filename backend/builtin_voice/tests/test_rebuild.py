"""Rebuild the committed voice from scratch with espeak, which takes minutes."""

from dataclasses import fields

import numpy as np
import onnx
import pytest

from builtin_voice import build
from builtin_voice.learning import SENTENCES, examples, learn, lessons
from builtin_voice.tables import Tables

_TOLERANCE = 0.02


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_rebuilt_tables_are_the_committed_ones_within_tolerance() -> None:
    committed = build.tables_of(onnx.load(build.TARGET / build.MODEL_NAME))
    rebuilt = learn(examples(lessons(SENTENCES)))
    for field in fields(Tables):
        expected, found = getattr(committed, field.name), getattr(rebuilt, field.name)
        np.testing.assert_allclose(found, expected, rtol=0, atol=_TOLERANCE, err_msg=field.name)
