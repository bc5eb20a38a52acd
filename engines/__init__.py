"""Models: manifest, export, runtime, decoding of raw outputs, tracking."""

import contextlib
import ctypes
import os

# Numpy multiplies small matrices here. With more threads OpenBLAS waits for them in a busy loop: a look took
# a fifth more CPU. It is read when OpenBLAS is loaded: this package is to be imported before numpy.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# GStreamer's bindings load libunwind for all to see. Where cv2 came first, OpenVINO's exceptions are then
# unwound half by libunwind and half by libgcc, and the process dies in compile_model. With libgcc first, all
# use libgcc.
with contextlib.suppress(OSError):
    ctypes.CDLL("libgcc_s.so.1", mode=ctypes.RTLD_GLOBAL)
