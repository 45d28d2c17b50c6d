"""What does voxgpu take on a GPU? ``make bench-gpu`` measures it."""
