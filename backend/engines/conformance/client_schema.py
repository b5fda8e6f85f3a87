"""The client's schema for engine.yaml and /info, field by field and equally strict.

The client reads engine.yaml of a process as it is, and /info of an image with all keys converted to snake_case. A field
that is not typed `X | None` can be omitted, but must not be null: the client then rejects the whole engine.
"""

import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from engines.contract.engine_config import PYTHON_TYPES, ParameterFields


class ClientUpstream(BaseModel):
    """The origin of the technology."""

    name: str
    url: str
    license: str


class ClientVariant(BaseModel):
    """An image tag."""

    tag: str
    platforms: list[str]
    requires_gpu: bool = False


class ClientModel(BaseModel):
    """A model; other keys are kept."""

    model_config = ConfigDict(extra="allow")

    name: str
    display_name: str


class ClientParameter(ParameterFields):
    """A setting that the client may display."""

    default: float | int | bool | str

    @model_validator(mode="after")
    def _check_default(self) -> "ClientParameter":
        if not isinstance(self.default, PYTHON_TYPES[self.type]):
            raise ValueError(  # noqa: TRY004 - pydantic takes no other
                f"the default {self.default!r} is not of type {self.type}"
            )
        return self


class ClientInstallation(BaseModel):
    """How to run it as a process."""

    python_version: str
    venv_path: str
    requires_gpu: bool = False


class ClientSchema(BaseModel):
    """The description of an engine."""

    schema_version: int
    name: str = Field(pattern=r"^[a-z0-9-]+$")
    display_name: str
    engine_type: Literal["tts", "stt", "text", "audio"]
    description: str | None = None
    upstream: ClientUpstream | None = None
    variants: list[ClientVariant] | None = None
    models: list[ClientModel] = []
    default_model: str | None = None
    auto_discover_models: bool = False
    supported_languages: list[str] = []
    constraints: dict[str, Any] = {}
    capabilities: dict[str, Any] = {}
    parameters: dict[str, ClientParameter] = {}
    engine_config: dict[str, Any] = {}
    installation: ClientInstallation | None = None
    requires_gpu: bool = False

    @model_validator(mode="after")
    def _check_default_model(self) -> "ClientSchema":
        names = [model.name for model in self.models]
        if self.default_model is not None and names and self.default_model not in names:
            raise ValueError(f"default_model '{self.default_model}' is not among the models {names}")
        return self


def as_client_reads(info: Any) -> ClientSchema:
    """Parse /info like the client's discovery of images; raise pydantic's ValidationError if it rejects the image."""
    return ClientSchema.model_validate(to_snake_case(info))


def to_snake_case(value: Any) -> Any:
    """Convert all keys, recursively."""
    if isinstance(value, dict):
        return {re.sub(r"(?<!^)(?=[A-Z])", "_", key).lower(): to_snake_case(inner) for key, inner in value.items()}
    return [to_snake_case(inner) for inner in value] if isinstance(value, list) else value
