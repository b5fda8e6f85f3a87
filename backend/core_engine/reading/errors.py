"""The one error of reading: that of a pronunciation list."""


class LexiconError(ValueError):
    """A pronunciation list is wrong; the message names the line."""
