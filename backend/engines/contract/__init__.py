"""The contract between an engine and its client: engine.yaml, requests, responses, errors and WAV files."""
