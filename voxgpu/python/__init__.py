"""The Python interface: programs, sessions, images and results."""
