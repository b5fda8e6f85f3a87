"""Speech engines as small servers that keep, find, mount and serve their models in one way."""
