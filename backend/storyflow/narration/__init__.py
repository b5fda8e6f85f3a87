"""Turn the segments of a story into WAV files in a project's folder."""
