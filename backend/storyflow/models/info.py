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

_WITH_US = "with this program: its built-in voice"


@dataclass(frozen=True)
class ModelDescription:
    """What is known of an installed model."""

    name: str
    path: Path
    size: int
    """Bytes, the voices included where a manifest lists them."""
    sha256: str | None
    """Of the ONNX file; None for one without a manifest."""
    published: str | None
    """As what it was published; None where it is not known."""
    licence: str | None
    version: str
    """Of Kokoro, by its model or else its voices."""
    facts: ModelFacts
    providers: tuple[str, ...]
    """On what onnxruntime runs it here."""
    voices: tuple[str, ...]


def info_of(model: InstalledModel, registry: Registry) -> ModelDescription:
    """Open a model and return all about it; raises ChangedModelError or ModelFileError."""
    if model.problem:
        raise ChangedModelError(model.problem)
    try:
        facts = read_model_facts(model.path)
    except NotOnnxError as error:
        raise ModelFileError(f"'{model.path}' is no whole ONNX model: {error}.") from error
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
