"""From a schedule to results."""
