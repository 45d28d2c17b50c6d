"""Results that outlive a run: values stored under their ids, checksummed on every read."""
