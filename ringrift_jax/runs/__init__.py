"""What lasts of a training run: its directory, metrics, events, champions, checkpoints and records of games."""
