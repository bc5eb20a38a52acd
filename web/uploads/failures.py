"""Why an upload failed, where it is not the file: a line for the visitor, and a key of the page's words."""

from __future__ import annotations

from probes.reason import Reason

UNEXPECTED = Reason("could not be processed; the store's log says why", why="upload_unexpected")
TOO_MUCH = Reason("needs more memory than an upload may have; send a smaller one", why="upload_memory")
GONE = Reason("the file could not be processed: its decoder gave up; try another format", why="upload_gone")
OPEN_FACES = Reason("not every face could be masked for sure, so there is no copy", why="faces_open")
