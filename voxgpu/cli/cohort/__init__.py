"""``voxgpu cohort``: its options and what it says, by the question that they answer."""
