"""Training: batches, augmentation, losses, optimizers, schedules, checkpoints and the loop."""
