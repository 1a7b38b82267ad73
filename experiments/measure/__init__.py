"""How fast things are on this machine; see ``python -m experiments.benchmark --help``."""
