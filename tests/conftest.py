import engines  # noqa: F401 before any test loads GStreamer: see engines/__init__.py
