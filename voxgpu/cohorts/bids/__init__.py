"""Datasets in BIDS: their cases, and results as a derivative."""
