"""Training: losses, the optimizer and its schedule, checkpoints, and one loop for every model."""
