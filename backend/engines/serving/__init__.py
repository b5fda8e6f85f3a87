"""The process around an engine: guards (access), activity (the one worker), loading, process (start and end)."""
