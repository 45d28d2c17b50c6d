"""Optimization and scheduling of plans."""
