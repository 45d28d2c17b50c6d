"""The executors, one file each: ``create`` in ``NAME.py`` makes the executor of that name."""
