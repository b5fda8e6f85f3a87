"""Fixtures of the engine tests."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from engines.conformance import contract, folder, lifecycle, trial
from engines.tests.scripted_engine import ScriptedEngine, make_folder, serving
from engines.tests.support import AT_LAST_S, SOON_S


@pytest.fixture(scope="session", autouse=True)
def patience() -> Iterator[None]:
    """The conformance check has the bounds of an idle machine; tests share one with others."""
    bounds = {
        (contract, "INSTANT_S"): SOON_S,
        (folder, "ENTRYPOINT_S"): AT_LAST_S,
        (lifecycle, "LONGEST_START_S"): AT_LAST_S,
        (lifecycle, "STOP_S"): AT_LAST_S / 2,
        (trial, "START_S"): AT_LAST_S,
    }
    with pytest.MonkeyPatch.context() as patch:
        for (module, name), seconds in bounds.items():
            patch.setattr(module, name, seconds)
        yield


@pytest.fixture
def engine(tmp_path: Path) -> ScriptedEngine:
    """An engine with the models `default` and `other`, not served yet."""
    return ScriptedEngine(make_folder(tmp_path / "scripted", "default", "other"))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, ScriptedEngine]]:
    """A client and its engine with a loaded model, for tests that leave both as they find them."""
    engine = ScriptedEngine(make_folder(tmp_path_factory.mktemp("shared") / "scripted", "default", "other"))
    with serving(engine) as client:
        client.post("/load", json={"engineModelName": "default"})
        yield client, engine


@pytest.fixture
def client(engine: ScriptedEngine) -> Iterator[httpx.Client]:
    """A client of that engine, served."""
    with serving(engine) as client:
        yield client
