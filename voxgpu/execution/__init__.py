"""Execution of schedules and delivery of results."""
