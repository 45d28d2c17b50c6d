"""The folders for files that can be regenerated: stored results, compiled kernels."""
