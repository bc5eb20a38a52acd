"""Settings to running graph: sources, the two platforms, outputs, supervision."""

import os

# GLib asks the desktop's settings for a proxy at each connection to a camera. Where the home folder cannot be
# written, as in a container or under systemd, dconf complained of that in the log, some lines for each.
os.environ.setdefault("GSETTINGS_BACKEND", "memory")
