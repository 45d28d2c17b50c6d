"""What do people call from Python? Programs, sessions, images and results."""
