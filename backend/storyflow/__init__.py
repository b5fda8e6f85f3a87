"""The `storyflow` command: from a story file to narrated WAVs."""

__version__ = "0.1.0"
