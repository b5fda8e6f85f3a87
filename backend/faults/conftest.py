"""The built-in voice, loaded in this process."""

from collections.abc import Iterator

import pytest

from core_engine.tests.support import built_in_voice


@pytest.fixture
def voice() -> Iterator[None]:
    """Let generate_audio speak for real."""
    with built_in_voice():
        yield


@pytest.fixture
def settings_of_django(settings):
    """pytest-django's `settings`, where Hypothesis has taken the name."""
    return settings
