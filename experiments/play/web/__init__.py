"""A board to study on, as a page on this machine: games against programs, variations, and what programs think.

The server (:mod:`.server`) never imports JAX, so it answers within a second of its start, by the readable rules. What
needs JAX, the programs that play and analyse, runs in processes of its own (:mod:`.engine`).
"""
