"""A program that is written and run line by line."""
