"""schemathesis against each server's own OpenAPI: whatever is sent, no 5xx but the declared 503."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import engines
from engines.conformance.trial import Trial, trial_of

schemathesis = pytest.importorskip("schemathesis")

ENGINES = Path(engines.__file__).parent
ALLOWED = {200, 400, 404, 503}
SHORT, LONG = 15, 400  # generated requests for each operation


@pytest.fixture(scope="module", params=["debug-tts", "kokoro"])
def trial(request: pytest.FixtureRequest) -> Iterator[Trial]:
    if request.param == "kokoro":
        pytest.importorskip("onnxruntime")
    with trial_of(ENGINES / "tts" / request.param) as trial:
        trial.start()
        trial.model = "default"
        trial.load()
        yield trial


def fuzz(trial: Trial, examples: int) -> None:
    schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{trial.port}/openapi.json")
    operations = [operation.ok() for operation in schema.get_all_operations()]
    assert len(operations) == 8
    for operation in operations:
        if operation.path != "/shutdown":  # the only one that would end the rest
            fuzz_operation(operation, examples)


def fuzz_operation(operation: Any, examples: int) -> None:
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def check(data: st.DataObject) -> None:
        mode = data.draw(st.sampled_from(list(schemathesis.GenerationMode)))
        case = data.draw(operation.as_strategy(generation_mode=mode))
        answer = case.call()
        assert answer.status_code in ALLOWED, f"{case.as_curl_command()}: {answer.status_code} {answer.text[:300]}"

    check()


def test_api_fuzz_short(trial: Trial) -> None:
    fuzz(trial, SHORT)
    assert trial.get("/health").status == 200


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_api_fuzz_long(trial: Trial) -> None:
    fuzz(trial, int(os.environ.get("FUZZ_EXAMPLES", LONG)))
    assert trial.get("/health").status == 200
