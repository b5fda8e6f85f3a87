"""Many texts in parallel: the same audio as in sequence, in order, and no further work once the caller stops."""

import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import patch

import numpy as np
from django.test import SimpleTestCase

from core_engine.kokoro.errors import NothingToSpeakError, SynthesisError
from core_engine.kokoro.speech.synthesis import Kokoro, Speech
from core_engine.kokoro.speech.throughput import Line, speak_each
from core_engine.model_paths import BUILT_IN, model_path
from core_engine.tests.support import SAMPLE_TEXT

TEXTS = ["One.", SAMPLE_TEXT * 30, "Two.", "...", "Three.", SAMPLE_TEXT]


def lines(texts: Iterable[str]) -> Iterator[Line]:
    return (Line(text, "af_bella") for text in texts)


class SpeakEachTests(SimpleTestCase):
    kokoro: ClassVar[Kokoro]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.kokoro = Kokoro.load(model_path(BUILT_IN, Path()), threads=1)

    def one_after_another(self, text: str) -> Any:
        utterance = self.kokoro.prepare(text)
        return self.kokoro.joined(utterance, [self.kokoro.run(utterance, chunk) for chunk in utterance.chunks]).audio

    def test_samples_equal_those_of_sequential_runs(self) -> None:
        for workers in (1, 3):
            spoken = list(speak_each(self.kokoro, lines(TEXTS), workers))
            self.assertEqual(len(spoken), len(TEXTS))
            for text, speech in zip(TEXTS, spoken, strict=True):
                if text == "...":
                    self.assertIsInstance(speech, NothingToSpeakError)
                else:
                    assert isinstance(speech, Speech)
                    np.testing.assert_array_equal(speech.audio, self.one_after_another(text))

    def test_failing_chunk_fails_only_its_text(self) -> None:
        run = Kokoro.run

        def fail_on_short(kokoro: Any, utterance: Any, chunk: Any) -> Any:
            if len(chunk.token_ids) < 6:
                raise SynthesisError("nothing")
            return run(kokoro, utterance, chunk)

        with patch.object(Kokoro, "run", fail_on_short):
            spoken = list(speak_each(self.kokoro, lines([SAMPLE_TEXT, "A", SAMPLE_TEXT]), 2))
        self.assertEqual([isinstance(speech, SynthesisError) for speech in spoken], [False, True, False])

    def test_texts_are_consumed_lazily(self) -> None:
        taken = []

        def endless() -> Iterator[Any]:
            while True:
                taken.append(1)
                yield "Again."

        spoken = speak_each(self.kokoro, lines(endless()), 2)
        next(spoken)
        spoken.close()
        self.assertLess(len(taken), 70)
        self.assertEqual([thread.name for thread in threading.enumerate() if thread.name.startswith("speak")], [])

    def test_no_texts_give_no_speech(self) -> None:
        self.assertEqual(list(speak_each(self.kokoro, [], 2)), [])
