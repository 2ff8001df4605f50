"""Memory that large batches took, given back to the system."""

from __future__ import annotations

import ctypes

import pyarrow as pa


def give_back() -> None:
    """Let go of what the C library and Arrow keep for later; takes some milliseconds.

    After a few batches of tens of megabytes that would be more than the rest of the process needs. Where the C library
    is not glibc there is nothing to call.
    """
    pa.default_memory_pool().release_unused()
    if (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
        trim(0)
