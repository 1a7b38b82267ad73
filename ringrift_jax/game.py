"""What search, players and learning need of a game: :class:`ringrift_jax.Env` has it, and other games may.

``tests/toy_game.py`` is a whole game in this form.
"""

from typing import Any, Protocol

import jax

from .boards import Board, Offset


class GameState(Protocol):
    """A position as an immutable pytree of arrays; n = number of players.

    Any leading batch axes come before the shapes given, of the leaves and of these properties alike. Players keep their
    number for the whole game; seats are where they sit, which a swap may change.
    """

    @property
    def current_seat(self) -> jax.Array:
        """``int32``: the seat to decide, 0 to n - 1."""
        ...

    @property
    def current_player(self) -> jax.Array:
        """``int32``: the player in that seat."""
        ...

    @property
    def seat_of_player(self) -> jax.Array:
        """``int32[n]``: the seat of each player; an involution, so also the player of each seat."""
        ...

    @property
    def phase(self) -> jax.Array:
        """``int32`` of :class:`ringrift_jax.Phase`, ``OVER`` if and only if ``is_over``."""
        ...

    @property
    def steps(self) -> jax.Array:
        """``int32``: decisions made, 0 at the start."""
        ...

    @property
    def turn(self) -> jax.Array:
        """``int32``: the number of the turn, which grows with every one. A win is in the turn of the winner."""
        ...

    @property
    def is_over(self) -> jax.Array:
        """``bool``: won, or stopped."""
        ...

    @property
    def truncated(self) -> jax.Array:
        """``bool``: stopped by a limit of decisions."""
        ...

    @property
    def winner(self) -> jax.Array:
        """``int32``: the seat that won, -1 while the game runs and when it was stopped."""
        ...

    @property
    def rewards(self) -> jax.Array:
        """``float32[n]`` by player, in [-1, 1], summing to 0: in the state in which the game has just ended, else 0."""
        ...


class Game(Protocol):
    """Pure functions of unbatched states. It is hashable, and equal to its copy, so that ``jit`` can take it as static.

    The states that the methods take are those of the game itself, hence ``Any``.
    """

    @property
    def num_players(self) -> int:
        """n."""
        ...

    @property
    def num_actions(self) -> int:
        """A. Actions are laid out as (plane, cell), followed by those without a cell, fewer than there are cells."""
        ...

    @property
    def plane_offsets(self) -> tuple[Offset, ...]:
        """By how many rows and columns the actions of each plane move, from the cell by which they are laid out to the
        one where they land; (0, 0) for planes whose actions do not move, and no two others alike."""
        ...

    @property
    def observation_shape(self) -> tuple[int, int, int]:
        """``(rows, columns, features)``; the last feature is 1 on the board and 0 off it."""
        ...

    @property
    def num_symmetries(self) -> int:
        """Symmetries to learn under, the identity included; 1 for none."""
        ...

    @property
    def board(self) -> Board:
        """Looked at for its symmetries (:mod:`ringrift_jax.symmetry`) if there are any, and for its name."""
        ...

    def init(self) -> GameState:
        """The start, the same every time."""
        ...

    def step(self, state: Any, action: jax.Array) -> GameState:
        """The state after an action, an ``int32`` scalar, with unchanged shapes and dtypes. An illegal action, and any
        action after the end, changes nothing but flags and pays no reward."""
        ...

    def legal_action_mask(self, state: Any) -> jax.Array:
        """``bool[A]``: at least one True while the game runs, none when it is over."""
        ...

    def observe(self, state: Any) -> jax.Array:
        """``float32[rows, columns, features]``: the position as the player to move sees it."""
        ...
