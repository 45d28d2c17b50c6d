"""What can every device of the double do? As much as small code may want to know of a large GPU."""

from __future__ import annotations

COMPUTE_CAPABILITY = (9, 0)
MULTIPROCESSORS = 4

#: Bytes of shared memory of a block: at once, and for who asked for it before.
SHARED_OF_BLOCK = 48 << 10
SHARED_OF_BLOCK_AT_MOST = 227 << 10

#: Along x, y and z; and threads of a block in all.
MOST_BLOCKS = (2**31 - 1, 65535, 65535)
MOST_THREADS = (1024, 1024, 64)
MOST_THREADS_OF_BLOCK = 1024
