"""Device limits of the mock: those of a large GPU that small code may query."""

from __future__ import annotations

MULTIPROCESSORS = 4

#: Bytes of shared memory of a block: by default, and if requested in advance.
SHARED_OF_BLOCK = 48 << 10
SHARED_OF_BLOCK_AT_MOST = 227 << 10

#: Along x, y and z; and threads of a block in total.
MOST_BLOCKS = (2**31 - 1, 65535, 65535)
MOST_THREADS = (1024, 1024, 64)
MOST_THREADS_OF_BLOCK = 1024
