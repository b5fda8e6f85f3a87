"""The built-in voice, loaded in this process."""

from collections.abc import Iterator
from typing import Any

import pytest

from core_engine.tests.support import built_in_voice


@pytest.fixture
def voice() -> Iterator[None]:
    """Load the built-in voice for generate_audio."""
    with built_in_voice():
        yield


@pytest.fixture
def settings_of_django(settings: Any) -> Any:
    """pytest-django's `settings` under another name, because Hypothesis's `settings` shadows it."""
    return settings
