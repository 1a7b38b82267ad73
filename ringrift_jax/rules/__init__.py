"""The rules of RingRift as pure JAX functions of one unbatched state; one file per chapter."""
