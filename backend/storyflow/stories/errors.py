"""The one error of a story; its message says what to do."""


class StoryError(ValueError):
    """The story file cannot be read; the message says why and what to do."""
