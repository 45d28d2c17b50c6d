"""Where programs run: the processor, GPUs, and what chooses between them."""
