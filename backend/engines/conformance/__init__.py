"""The conformance checklist: does an engine do what the standard and its client expect?

`checklist` defines checks, `folder` checks the files, `contract`, `discovery` and `lifecycle` check a running server,
`trial` starts it on a copy of the engine, and `run` runs all checks.
"""
