"""The voice: a written text goes in, a normalised WAV file comes out."""
