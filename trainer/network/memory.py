"""How this process allocates memory: kept for the next step instead of returned after each.

A step of training frees hundreds of megabytes and asks for them again in the next. By default the C
library returns them to the system each time, which must then clear every page again: measured on 2
cores, a picture of fine-tuning took 11 to 20 ms, most of it in the kernel, and 5 ms with both
settings here. Each alone brings half of that: TensorFlow's pool is for its tensors, the C library's
thresholds for the kernels' scratch space.
"""

import contextlib
import ctypes
import os
import sys

# Numbers of glibc's malloc.h, and sizes in bytes.
_TRIM_THRESHOLD = (-1, 2**31 - 1)
_TOP_PAD = (-2, 256 * 2**20)
_MMAP_THRESHOLD = (-3, 2**30)


def keep_freed_memory() -> None:
    """Set it up, before TensorFlow first computes. The C library's part is glibc's only."""
    os.environ.setdefault("TF_CPU_ALLOCATOR_USE_BFC", "true")
    if not sys.platform.startswith("linux"):
        return
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        for parameter, value in (_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD):
            mallopt(parameter, value)
