"""The requests of the page."""

import math
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field

VoiceName = Annotated[str, Field(min_length=1, max_length=500)]


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("must be a number from 0.5 to 2")
    return value


Speed = Annotated[float, BeforeValidator(_finite), Field(ge=0.5, le=2.0)]


class ParagraphRequest(BaseModel):
    """Another text for a paragraph."""

    text: str
    was: str
    """The text that the page showed."""


class VoicesRequest(BaseModel):
    """Who speaks, and how fast."""

    voice: VoiceName
    dialogue: VoiceName | None = None
    speed: Speed = 1.0
    speakers: dict[str, VoiceName] = Field(default_factory=dict)
