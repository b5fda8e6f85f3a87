"""Shared by several engines: written forms read in words, audio read and written, speakers cached."""
