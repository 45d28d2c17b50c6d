"""Measuring: programs on several devices, and single operators beside other libraries."""
