"""The server of `storyflow serve`: the audio API of OpenAI, in front of the kokoro engine."""
