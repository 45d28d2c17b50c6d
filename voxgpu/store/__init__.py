"""Results that outlive a run: values by what they mean, on disk, checked whenever they are read."""
