"""The conformance checklist as a program: does an engine do what the standard and its client expect?

`checklist` says what a check is, `folder` looks at the files, `contract`, `discovery` and `lifecycle` ask a running
server, `trial` runs it on a copy of the engine, and `run` does it all.
"""
