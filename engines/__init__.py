"""Models: manifest, export, runtime, decoding of raw outputs, tracking."""

import contextlib
import ctypes

# GStreamer's bindings load libunwind for all to see. Where cv2 came first, OpenVINO's exceptions are then
# unwound half by libunwind and half by libgcc, and the process dies in compile_model. With libgcc first, all
# use libgcc.
with contextlib.suppress(OSError):
    ctypes.CDLL("libgcc_s.so.1", mode=ctypes.RTLD_GLOBAL)
