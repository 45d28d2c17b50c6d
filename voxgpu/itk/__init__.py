"""SimpleITK: how it is called, and how images go there and back."""
