"""Fault injection tests for the voice: one file for each kind of fault."""
