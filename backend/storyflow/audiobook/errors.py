"""The one error of an export; its message says what to do."""


class ExportError(ValueError):
    """The audiobook cannot be made."""
