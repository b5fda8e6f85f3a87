"""Speech engines: small servers that store, find, mount and serve their models in the same way."""
