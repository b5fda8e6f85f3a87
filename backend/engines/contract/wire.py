"""Requests and responses: requests in camelCase or snake_case, responses in camelCase with null for missing values.

Only declared fields change case. The contents of free dictionaries stay as in engine.yaml.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

Device = Literal["cpu", "cuda"]
Status = Literal["ready", "loading", "processing", "error"]
EngineType = Literal["tts", "stt", "text", "audio"]
QualityStatus = Literal["perfect", "warning", "defect"]


class Message(BaseModel):
    """A body that accepts both spellings of its fields and ignores unknown fields."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, allow_inf_nan=False)


def _default_for_null(default: Any) -> BeforeValidator:
    return BeforeValidator(lambda value: default if value is None else value)


def _whole_characters(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ValueError("it contains half of a character (a lone surrogate)") from error
    return value


Text = Annotated[str, AfterValidator(_whole_characters)]


class ErrorResponse(BaseModel):
    """An error: one sentence that says what to do."""

    detail: str


class HealthResponse(Message):
    """The state of the engine; sent with 200 even when it is "error"."""

    status: Status
    engine_model_loaded: bool
    current_engine_model: str | None  # exactly the name given to /load
    device: Device
    error: str | None
    package_version: str | None
    gpu_memory_used_mb: int | None
    gpu_memory_total_mb: int | None


class LoadRequest(Message):
    """The model to load; if it is already loaded, the answer is immediate."""

    engine_model_name: str


class LoadResponse(Message):
    """Sent once the model is usable."""

    status: Literal["loaded"] = "loaded"
    engine_model_name: str
    error: str | None = None


class ShutdownResponse(Message):
    """Sent before the server stops."""

    status: Literal["shutting_down"] = "shutting_down"


class ModelField(Message):
    """A fact about a model for the user interface."""

    key: str
    value: Any
    field_type: Literal["number", "string", "percent"] = "string"


class ModelInfo(Message):
    """A model that /load accepts."""

    name: str
    display_name: str
    languages: list[str] = []
    fields: list[ModelField] = []


class ModelsResponse(Message):
    """The loadable models, the default first, because the client uses the first as its default."""

    models: list[ModelInfo]
    default_model: str | None
    device: Device


class ModelDescription(Message):
    """A model from engine.yaml; `metadata` has all its other keys."""

    name: str
    display_name: str
    metadata: dict[str, Any]


class Upstream(Message):
    """The origin of an engine's technology."""

    name: str
    url: str
    license: str


class Variant(Message):
    """An image tag of an engine."""

    tag: str
    platforms: list[str]
    requires_gpu: bool


class ParameterInfo(Message):
    """A user setting; the client displays a slider for float and int."""

    type: Literal["float", "int", "bool", "string"]
    label: str
    description: str | None
    default: Any
    min: float | int | None
    max: float | int | None
    step: float | int | None
    readonly: bool  # not optional for the client: null makes it reject the whole image
    category: str | None


class EngineInfo(Message):
    """engine.yaml in the format of the client."""

    name: str
    display_name: str
    engine_type: EngineType
    description: str | None
    upstream: Upstream | None
    supported_languages: list[str]
    constraints: dict[str, Any]
    capabilities: dict[str, Any]
    parameters: dict[str, ParameterInfo]
    models: list[ModelDescription]
    default_model: str | None
    auto_discover_models: bool
    requires_gpu: bool
    variants: list[Variant]
    schema_version: int


class GenerateRequest(Message):
    """Text to speak. Null, "" and [] all mean no samples."""

    text: Text
    language: Text
    tts_speaker_wav: str | Annotated[list[str], Field(max_length=100)] | None = None
    parameters: Annotated[dict[str, Any], _default_for_null({})] = {}


class SamplesCheckRequest(Message):
    """Ids of speaker samples, without extension."""

    sample_ids: Annotated[list[str], Field(max_length=10_000)]


class SamplesCheckResponse(Message):
    """The requested ids that must be uploaded."""

    missing: list[str]


class SampleUploadResponse(Message):
    """Sent once the sample is on the disk."""

    status: Literal["ok"] = "ok"
    sample_id: str


class QualityThresholds(Message):
    """Limits of an analysis: milliseconds, percentage of speech, dB of peak and average."""

    max_silence_duration_warning: float = 2500
    max_silence_duration_critical: float = 3750
    speech_ratio_ideal_min: float = 75
    speech_ratio_ideal_max: float = 90
    speech_ratio_warning_min: float = 65
    speech_ratio_warning_max: float = 93
    max_clipping_peak: float = 0.0
    min_average_volume: float = -40.0


class PronunciationRule(Message):
    """A replacement in the spoken text that must not count as a deviation."""

    pattern: str
    replacement: str
    is_regex: bool = False
    is_active: bool = True


class AnalyzeRequest(Message):
    """Audio to judge: a WAV file in base64, or a file in the samples folder."""

    audio_base64: str | None = None
    audio_path: str | None = None
    language: Annotated[Text, _default_for_null("en")] = "en"
    quality_thresholds: Annotated[QualityThresholds, _default_for_null({})] = QualityThresholds()
    expected_text: Text | None = None
    pronunciation_rules: Annotated[list[PronunciationRule], _default_for_null([])] = []


class QualityField(Message):
    """A value of an analysis; `key` is a suffix that the user interface translates."""

    key: str
    value: Any
    type: Literal["percent", "seconds", "number", "string", "text"]


class QualityIssue(Message):
    """A finding; only the first three of a block are shown."""

    text: str
    severity: Literal["error", "warning", "info"]
    details: dict[str, Any] | None = None


class QualityDetails(Message):
    """The part of an analysis that the user interface shows."""

    top_label: str
    fields: list[QualityField] = []
    info_blocks: dict[str, list[QualityIssue]] = {}


class AnalyzeResponse(Message):
    """A score from 0 to 100 and its details."""

    engine_type: Literal["stt", "audio"]
    engine_name: str
    quality_score: int = Field(ge=0, le=100)
    quality_status: QualityStatus
    details: QualityDetails


class SegmentRequest(Message):
    """Text to cut into what a speaking engine gets at once; lengths are in characters."""

    text: Text
    language: Text
    max_length: Annotated[int, _default_for_null(250)] = 250
    min_length: Annotated[int, _default_for_null(10)] = 10
    mark_oversized: Annotated[bool, _default_for_null(True)] = True


class TextSegment(Message):
    """One piece of the text, `text[start:end]`; the last three tell of a sentence that is longer than allowed."""

    text: str
    start: int
    end: int
    order_index: int
    status: Literal["ok", "failed"] = "ok"
    length: int | None = None
    max_length: int | None = None
    issue: Literal["sentence_too_long"] | None = None


class SegmentResponse(Message):
    """The pieces in their order."""

    segments: list[TextSegment]
    total_segments: int
    total_characters: int
    failed_count: int
