"""The one clock: CLOCK_MONOTONIC, comparable across all processes of a host."""

import time

MS = 1_000_000  # nanoseconds
SECOND = 1_000_000_000

now_ns = time.monotonic_ns
