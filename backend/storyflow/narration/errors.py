"""The one error of a project's folder; its message says what to do."""


class RecordError(ValueError):
    """The manifest cannot be used; the message says what to do."""
