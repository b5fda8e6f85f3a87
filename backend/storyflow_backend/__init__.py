"""The Django project around `core_engine`."""
