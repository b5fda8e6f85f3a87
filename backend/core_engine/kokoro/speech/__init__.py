"""Text, voice and model together: text in, audio out."""
