"""Clusters of dask.distributed that run cases: started for a cohort, or joined."""
