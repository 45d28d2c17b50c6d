"""A demonstration without patient data: a synthetic head and a program for it."""
