"""transformers' VibeVoice, without the guidance that it does not want. Imports PyTorch: import it during a load."""

from typing import Any

from transformers import (
    LogitsProcessorList,
    UnbatchedClassifierFreeGuidanceLogitsProcessor,
    VibeVoiceForConditionalGeneration,
)


class SpeakingModel(VibeVoiceForConditionalGeneration):  # type: ignore[misc]  # the library is not there for mypy
    """The model whose `guidance_scale` guides the sound only.

    In transformers 5.17 to 5.23 the same number also reaches the guidance of text models. That runs the language model
    once more for every frame and bends its choice between another frame and the end, so that speech ends elsewhere
    than with the library that the model was published with.
    """

    def _get_logits_processor(self, *args: Any, **kwargs: Any) -> LogitsProcessorList:
        processors = super()._get_logits_processor(*args, **kwargs)
        unwanted = UnbatchedClassifierFreeGuidanceLogitsProcessor
        return LogitsProcessorList(processor for processor in processors if not isinstance(processor, unwanted))
