"""engine.yaml, the description of an engine, validated strictly enough for all its readers.

There are two schemas: that of the engines' repository rejects unknown keys, and that of the client requires a label and
a default of the right type for every parameter. A file that is valid here is valid for both. Private settings belong
under `engine_config` or `models[*]`, the only places that allow other keys.
"""

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from engines.contract.errors import RequestError, StartError, unsupported_language
from engines.contract.wire import (
    EngineInfo,
    EngineType,
    ModelField,
    ModelInfo,
)
from engines.store import names

ENGINE_YAML = "engine.yaml"
PYTHON_TYPES: dict[str, tuple[type, ...]] = {"float": (float, int), "int": (int,), "bool": (bool,), "string": (str,)}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


class UpstreamConfig(_Strict):
    """The origin of the engine's technology: exactly these three keys."""

    name: str
    url: str
    license: str


class VariantConfig(_Strict):
    """An image tag. It says whether the container needs the GPU."""

    tag: str
    platforms: list[Literal["linux/amd64", "linux/arm64"]]
    requires_gpu: bool


class ModelConfig(BaseModel):
    """A model known by name; all other keys are kept as metadata."""

    model_config = ConfigDict(extra="allow", strict=True, allow_inf_nan=False, frozen=True, protected_namespaces=())

    name: Annotated[str, BeforeValidator(lambda value: names.checked_name(value, "model name"))]
    display_name: str

    @property
    def metadata(self) -> dict[str, Any]:
        """All keys except the two declared ones, as written."""
        return dict(self.model_extra or {})


class ParameterFields(BaseModel):
    """A setting without its default."""

    type: Literal["float", "int", "bool", "string"]
    label: str
    description: str | None = None
    min: float | int | None = None
    max: float | int | None = None
    step: float | int | None = None
    readonly: bool = False
    category: str | None = None


class ParameterConfig(_Strict, ParameterFields):
    """A user setting. The client displays float and int only, as a slider if min, max and step are given."""

    default: Any

    @model_validator(mode="after")
    def _check_default(self) -> "ParameterConfig":
        self.checked(self.default, "default")
        if self.type == "int" and isinstance(self.default, float):
            raise ValueError(f"the default of type int is {self.default}: the client accepts whole numbers only")
        return self

    def checked(self, value: object, name: str) -> Any:
        """Return `value` if it has this parameter's type and range; raise ValueError with the range otherwise."""
        if self.type == "int" and isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) != (self.type == "bool") or not isinstance(value, PYTHON_TYPES[self.type]):
            raise ValueError(f"Parameter '{name}' must be of type {self.type}, not {type(value).__name__}.")
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return self._in_range(value, name)
        return value

    def _in_range(self, value: float, name: str) -> float:
        low = -sys.float_info.max if self.min is None else self.min
        high = sys.float_info.max if self.max is None else self.max
        if not low <= value <= high:  # NaN is not in any range
            raise ValueError(f"Parameter '{name}' must be a number between {low} and {high}.")
        return float(value) if self.type == "float" else value


class InstallationConfig(_Strict):
    """How to run the engine as a process: without this block the client cannot start it."""

    python_version: Annotated[str, Field(pattern=r"^3\.\d+$")]
    venv_path: str
    requires_gpu: bool = False


class EngineConfig(_Strict):
    """The content of engine.yaml."""

    schema_version: Literal[2]
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    display_name: Annotated[str, Field(min_length=1)]
    engine_type: EngineType
    upstream: UpstreamConfig
    variants: Annotated[list[VariantConfig], Field(min_length=1)]
    description: str | None = None
    models: list[ModelConfig] = []
    default_model: str | None = None
    auto_discover_models: bool = False
    supported_languages: list[Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]{2})?$")]] = []
    constraints: dict[str, Any] = {}
    capabilities: dict[str, Any] = {}
    parameters: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], ParameterConfig] = {}
    engine_config: dict[str, Any] = {}
    installation: InstallationConfig | None = None

    @model_validator(mode="after")
    def _check_default_model(self) -> "EngineConfig":
        listed = [model.name for model in self.models]
        if self.default_model is not None and self.default_model not in listed:
            raise ValueError(f"default_model '{self.default_model}' is not among the models {listed}")
        return self

    @model_validator(mode="after")
    def _check_open_blocks(self) -> "EngineConfig":
        for key in ("max_text_length", "max_audio_duration"):
            value = self.constraints.get(key)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise ValueError(f"constraints.{key} must be a whole number of at least 1")
        for key, value in self.capabilities.items():
            if key.startswith("supports_") and not isinstance(value, bool):
                raise ValueError(f"capabilities.{key} must be true or false")
        return self

    @property
    def max_text_length(self) -> int | None:
        """The maximum text length of a request, in characters."""
        return self.constraints.get("max_text_length")

    def supports(self, capability: str) -> bool:
        """Return whether `capabilities.supports_<capability>` is true."""
        return bool(self.capabilities.get(f"supports_{capability}"))

    def check_text(self, text: str, remedy: str) -> None:
        """Raise RequestError for a text of white space, and, with `remedy`, for one that is too long."""
        if not text.strip():
            raise RequestError("Text cannot be empty")
        limit = self.max_text_length
        if limit is not None and len(text) > limit:
            raise RequestError(
                f"Text too long ({len(text)} chars). {self.display_name}'s max is {limit} chars. {remedy}"
            )

    def supported_language(self, language: str) -> str:
        """Return the supported language that `language` means: itself, or itself without its region.

        Raises RequestError for any other.
        """
        if not language.strip():
            raise RequestError("Language cannot be empty")
        wanted = language.strip().lower().replace("_", "-")
        for code in (wanted, wanted.split("-")[0]):
            if code in self.supported_languages or not self.supported_languages:
                return code
        raise unsupported_language(language, self.supported_languages)

    def checked_parameters(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return all parameters with their given or default values; raise RequestError for a wrong type or range.

        Keys that engine.yaml does not declare are ignored, as unknown request fields are.
        """
        try:
            return {
                name: parameter.default if given.get(name) is None else parameter.checked(given[name], name)
                for name, parameter in self.parameters.items()
            }
        except ValueError as error:
            raise RequestError(str(error)) from error


def load_engine_config(path: Path) -> EngineConfig:
    """Read engine.yaml; raise StartError with a list of all its problems."""
    try:
        return EngineConfig.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        raise StartError(f"'{path}' is not a valid engine.yaml:\n{_listed(error)}") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise StartError(f"Cannot read '{path}': {error}") from error


def _listed(error: ValidationError) -> str:
    return "\n".join(
        f"  - {'.'.join(str(part) for part in detail['loc']) or 'the file'}: {detail['msg']}"
        for detail in error.errors(include_url=False, include_input=False)
    )


def engine_info(config: EngineConfig) -> EngineInfo:
    """Return the /info response for `config`."""
    models = [
        {"name": model.name, "display_name": model.display_name, "metadata": model.metadata} for model in config.models
    ]
    described = {**config.model_dump(exclude={"engine_config", "installation"}), "models": models}
    return EngineInfo(**described, requires_gpu=_requires_gpu(config))


def model_info(config: EngineConfig, name: str) -> ModelInfo:
    """Return the /models entry of the model `name`, with its data from engine.yaml."""
    model = next((model for model in config.models if model.name == name), None)
    metadata = model.metadata if model else {}
    fields = (
        [ModelField(key="size_mb", value=metadata["size_mb"], field_type="number")] if "size_mb" in metadata else []
    )
    return ModelInfo(
        name=name,
        display_name=model.display_name if model else name,
        languages=metadata.get("languages") or config.supported_languages,
        fields=fields,
    )


def _requires_gpu(config: EngineConfig) -> bool:
    if config.installation:
        return config.installation.requires_gpu
    return any(variant.requires_gpu for variant in config.variants)
