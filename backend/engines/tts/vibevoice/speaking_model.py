"""transformers' VibeVoice without unwanted guidance. Imports PyTorch: import it during a load."""

from typing import Any

from transformers import (
    LogitsProcessorList,
    UnbatchedClassifierFreeGuidanceLogitsProcessor,
    VibeVoiceForConditionalGeneration,
)


class SpeakingModel(VibeVoiceForConditionalGeneration):  # type: ignore[misc]  # the library is not there for mypy
    """The model with a `guidance_scale` that affects only the audio.

    In transformers 5.17 to 5.23 it also enables the guidance of text models. That runs the language model twice per
    frame and changes its choice between another frame and the end, so that speech ends elsewhere than with the
    library published with the model.
    """

    def _get_logits_processor(self, *args: Any, **kwargs: Any) -> LogitsProcessorList:
        processors = super()._get_logits_processor(*args, **kwargs)
        unwanted = UnbatchedClassifierFreeGuidanceLogitsProcessor
        return LogitsProcessorList(processor for processor in processors if not isinstance(processor, unwanted))
