"""Thin command lines over ``ringrift_jax``; run one as ``python -m experiments.NAME --help``."""
