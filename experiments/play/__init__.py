"""A game against a champion, the heuristic or the random player, in the terminal or in a browser."""
