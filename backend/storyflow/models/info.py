"""Everything about one installed model, for `storyflow models info`."""

from dataclasses import dataclass
from pathlib import Path

from core_engine.kokoro.errors import ModelFileError
from core_engine.kokoro.model.facts import ModelFacts, NotOnnxError, read_model_facts
from core_engine.kokoro.model.runtime import open_model, provider_names
from core_engine.kokoro.speech.versions import version_of_notes, version_of_voices
from core_engine.kokoro.voice.packs import find_voices
from core_engine.model_paths import BUILT_IN
from storyflow.models.errors import ChangedModelError
from storyflow.models.library import InstalledModel
from storyflow.models.registry import Registry

_WITH_US = "with this program, as its built-in voice"


@dataclass(frozen=True)
class ModelDescription:
    """Everything known about an installed model."""

    name: str
    path: Path
    size: int
    """Bytes; includes the voices if a manifest lists them."""
    sha256: str | None
    """Of the ONNX file; None without a manifest."""
    published: str | None
    """The title and place of publication; None if unknown."""
    licence: str | None
    version: str
    """Version of Kokoro, from the model or else its voices."""
    facts: ModelFacts
    providers: tuple[str, ...]
    """What onnxruntime runs it on here."""
    voices: tuple[str, ...]


def info_of(model: InstalledModel, registry: Registry) -> ModelDescription:
    """Open a model and describe it; raises ChangedModelError or ModelFileError."""
    if model.problem:
        raise ChangedModelError(model.problem)
    try:
        facts = read_model_facts(model.path)
    except NotOnnxError as error:
        raise ModelFileError(f"'{model.path}' is not a complete ONNX model: {error}. Install it again.") from error
    session = open_model(model.path)
    voices = find_voices(model.path.parent)
    version = version_of_notes(facts.notes) or version_of_voices(voices) or "unknown"
    known = registry.find(model.sha256) if model.sha256 else None
    return ModelDescription(
        name=model.name,
        path=model.path,
        size=model.size,
        sha256=model.sha256,
        published=f"{known[0].title}, {known[2].where}" if known else _WITH_US if model.name == BUILT_IN else None,
        licence=known[0].licence if known else "Apache-2.0" if model.name == BUILT_IN else None,
        version=known[0].version if known else version,
        facts=facts,
        providers=provider_names(session.get_providers()),
        voices=tuple(sorted(voices)),
    )
