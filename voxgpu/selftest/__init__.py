"""A self-test of this computer: its devices against the reference."""
