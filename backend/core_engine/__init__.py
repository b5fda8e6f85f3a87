"""Text to speech for Django: text in, a normalised WAV file out."""
