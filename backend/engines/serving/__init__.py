"""The process around an engine: guards (who may ask), activity (one worker), loading, process (start and end)."""
