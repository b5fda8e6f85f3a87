"""Five more languages, as the listener hears `generate_audio`."""

from typing import Any

import pytest

from listening.hindi import hindi_errors
from listening.listener import Listener
from listening.tests.bars import check_words
from listening.tests.conftest import ReadAloud
from listening.texts import PASSAGES
from listening.word_errors import word_errors

pytestmark = [pytest.mark.listening, pytest.mark.timeout(3600)]


@pytest.mark.parametrize("passage", PASSAGES, ids=lambda passage: passage.language)
def test_other_languages_are_understood(read_aloud: ReadAloud, listener: Listener, passage: Any) -> None:
    heard = listener.hear(read_aloud(passage.text, passage.voice), passage.language)
    errors_of = hindi_errors if passage.language == "hi" else word_errors
    check_words(errors_of(passage.text, heard), 15)
