"""Fixtures of the tests that run an engine with its real library.

    def test_it_speaks(real_engine, tiny_model):
        engine = real_engine("tts/xtts")
        shutil.copytree(tiny_model("tts/xtts"), engine.models_dir / "default")
        engine.start()
        assert engine.load_named("default") == 200
        answer = engine.post("/generate", {...})
        assert engine.network_notes == []

Each engine has a copy of its folder to itself and is stopped by its own process. A test is skipped where the engine's
virtual environment is absent.
"""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engines.tests.real.real_engine import RealEngine, real_engine_in, tiny_model_of

MakeEngine = Callable[[str], RealEngine]


@pytest.fixture
def real_engine(tmp_path: Path) -> Iterator[MakeEngine]:
    """Return a function that copies the engine `KIND/NAME`, ready to be given models and started."""
    with contextlib.ExitStack() as stack:
        yield lambda engine: stack.enter_context(real_engine_in(tmp_path, engine))


@pytest.fixture(scope="module")
def shared_real_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeEngine]:
    """As `real_engine`, for a server that the tests of one module share because its library takes seconds to import."""
    with contextlib.ExitStack() as stack:
        folder = tmp_path_factory.mktemp("real")
        yield lambda engine: stack.enter_context(real_engine_in(folder, engine))


@pytest.fixture(scope="session")
def tiny_model() -> Callable[..., Path]:
    """Return `tiny_model_of(engine, name="tiny", arguments=())`, which makes a folder with a tiny model."""
    return tiny_model_of
