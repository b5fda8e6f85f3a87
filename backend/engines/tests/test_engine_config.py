"""engine.yaml: what both schemas refuse, and what is read from it."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

import engines
from engines.contract.engine_config import engine_info, load_engine_config
from engines.contract.errors import RequestError, StartError
from engines.tests.scripted_engine import MINIMAL_YAML

YAMLS = sorted(Path(engines.__file__).parent.glob("*/*/engine.yaml"))


def written(tmp_path: Path, changes: dict[str, object]) -> Path:
    content = copy.deepcopy(MINIMAL_YAML)
    for key, value in changes.items():
        place = content
        *folders, last = key.split("/")
        for folder in folders:
            place = place[folder]
        if value is None:
            del place[last]
        else:
            place[last] = value
    path = tmp_path / "engine.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.mark.parametrize("path", YAMLS, ids=lambda path: path.parent.name)
def test_engine_yaml_of_the_project_is_valid_and_named_after_its_folder(path: Path) -> None:
    assert load_engine_config(path).name == path.parent.name


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"schema_version": None}, "schema_version: Field required"),
        ({"schema_version": 1}, "schema_version: Input should be 2"),
        ({"name": "Debug TTS"}, "name: String should match"),
        ({"name": "1x"}, "name: String should match"),
        ({"display_name": ""}, "display_name: String should have at least 1 character"),
        ({"engine_type": "video"}, "engine_type"),
        ({"upstream": None}, "upstream: Field required"),
        ({"upstream/license": None}, "upstream.license: Field required"),
        ({"upstream/author": "x"}, "upstream.author: Extra inputs are not permitted"),
        ({"variants": []}, "variants: List should have at least 1 item"),
        ({"variants": [{"tag": "x", "platforms": ["windows/amd64"], "requires_gpu": False}]}, "variants.0.platforms.0"),
        ({"secret_sauce": 1}, "secret_sauce: Extra inputs are not permitted"),
        ({"default_model": "nobody"}, "default_model 'nobody' is not among the models"),
        ({"models": [{"name": "a:b", "display_name": "x"}]}, "Invalid model name: 'a:b'"),
        ({"models": [{"name": "default"}]}, "models.0.display_name: Field required"),
        ({"supported_languages": ["pt-BR"]}, "supported_languages.0: String should match"),
        ({"supported_languages": ["deu"]}, "supported_languages.0: String should match"),
        ({"supported_languages": [False]}, "supported_languages.0: Input should be a valid string"),
        ({"constraints/max_text_length": 0}, "constraints.max_text_length must be a whole number of at least 1"),
        ({"constraints/max_text_length": True}, "constraints.max_text_length must be a whole number of at least 1"),
        ({"capabilities/supports_streaming": "yes"}, "capabilities.supports_streaming must be true or false"),
        ({"parameters/speed/label": None}, "parameters.speed.label: Field required"),
        ({"parameters/speed/default": None}, "parameters.speed.default: Field required"),
        ({"parameters/speed/default": "1"}, "Parameter 'default' must be of type float, not str"),
        ({"parameters/speed/default": 5.0}, "Parameter 'default' must be a number between 0.5 and 2.0"),
        ({"parameters/steps/default": 1.5}, "Parameter 'default' must be of type int, not float"),
        ({"parameters/steps/default": 3.0}, "the default of type int is 3.0"),
        ({"parameters/speed/readonly": "no"}, "parameters.speed.readonly: Input should be a valid boolean"),
        ({"parameters/speed/type": "select"}, "parameters.speed.type"),
        ({"parameters/speed/options": [1]}, "parameters.speed.options: Extra inputs are not permitted"),
        ({"parameters/topP": {"type": "int", "label": "x", "default": 1}}, "parameters.topP"),
        ({"installation": {"python_version": "2.7", "venv_path": "./venv"}}, "installation.python_version"),
        ({"installation": {"python_version": "3.11"}}, "installation.venv_path: Field required"),
    ],
)
def test_engine_yaml_that_a_schema_refuses(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(StartError) as refused:
        load_engine_config(written(tmp_path, changes))
    assert said in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"[]", b"a: [", b"\xff\xfe\x00", b"'just text'"])
def test_engine_yaml_that_is_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "engine.yaml"
    path.write_bytes(content)
    with pytest.raises(StartError, match=r"engine\.yaml"):
        load_engine_config(path)


def test_engine_yaml_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="Cannot read"):
        load_engine_config(tmp_path / "engine.yaml")


def test_private_settings_are_kept_where_they_belong(tmp_path: Path) -> None:
    models = [{"name": "default", "display_name": "x", "download": [], "size_mb": 5}]
    config = load_engine_config(written(tmp_path, {"models": models, "engine_config": {"own": {"deep": 1}}}))
    assert config.engine_config == {"own": {"deep": 1}}
    assert engine_info(config).models[0].metadata == {"download": [], "size_mb": 5}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, False),
        ({"variants": [{"tag": "cuda", "platforms": ["linux/amd64"], "requires_gpu": True}]}, True),
        ({"installation": {"python_version": "3.11", "venv_path": "venv", "requires_gpu": True}}, True),
        (
            {
                "variants": [{"tag": "cuda", "platforms": ["linux/amd64"], "requires_gpu": True}],
                "installation": {"python_version": "3.11", "venv_path": "venv"},
            },
            False,
        ),
    ],
)
def test_requires_gpu_follows_the_installation_before_the_variants(
    tmp_path: Path, changes: dict[str, Any], expected: bool
) -> None:
    assert engine_info(load_engine_config(written(tmp_path, changes))).requires_gpu is expected


def test_parameters_that_are_null_or_missing_have_their_default(tmp_path: Path) -> None:
    config = load_engine_config(written(tmp_path, {}))
    assert config.checked_parameters({"speed": None}) == {"speed": 1.0, "steps": 3}
    with pytest.raises(RequestError, match=r"between 0\.5 and 2\.0"):
        config.checked_parameters({"speed": float("nan")})
