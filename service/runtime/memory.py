"""Return of freed memory to the operating system after large batches."""

from __future__ import annotations

import ctypes

import pyarrow as pa


def give_back() -> None:
    """Release memory that the C library and Arrow keep for reuse; takes some milliseconds.

    After a few batches of tens of megabytes it would exceed the memory of the rest of the process. Does less where the
    C library is not glibc.
    """
    pa.default_memory_pool().release_unused()
    if (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
        trim(0)
