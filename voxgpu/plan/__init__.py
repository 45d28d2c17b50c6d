"""From a checked program to a graph of meanings."""
