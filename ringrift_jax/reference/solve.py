"""Exact play on very small boards: every game is won or lost, so a position is worth +1 or -1 to the seat that moves.

The nodes are those of the JAX environment: one for each decision, and one for each pending slide of a recovery.
Every game ends (rulebook section 16.3), so there are no cycles and depth-first search with a memory is enough.
"""

from .game import act, settle
from .notation import state_string
from .position import Position
from .turn import actions

WIN, LOSS = 1, -1


class Solver:
    """Remembers the value of every position it has searched.

    Attributes:
      values: +1 or -1 for the seat that moves, by state string.
    """

    def __init__(self) -> None:
        self.values: dict[str, int] = {}

    def solve(self, pos: Position) -> int:
        """+1 when the seat to move wins with best play, -1 when it loses. Two players without the pie rule only."""
        if pos.board.num_players != 2 or pos.swap_rule:
            raise ValueError("only games of two players without the pie rule can be solved")
        pos = settle(pos)
        if pos.winner:
            raise ValueError("the game is over")
        return self._value(pos)

    def action_values(self, pos: Position) -> dict[str, int]:
        """The value of each action of a position, for the seat that moves."""
        self.solve(pos)
        pos = settle(pos)
        return {action: self._worth(pos, action) for action in actions(pos)}

    def _value(self, pos: Position) -> int:
        key = state_string(pos)
        if key not in self.values:
            wins = any(self._worth(pos, action) == WIN for action in actions(pos))
            self.values[key] = WIN if wins else LOSS
        return self.values[key]

    def _worth(self, pos: Position, action: str) -> int:
        after = act(pos, action)
        if after.winner:
            return WIN if after.winner == pos.seat else LOSS
        value = self._value(after)
        return value if after.seat == pos.seat else -value


def solve(pos: Position) -> int:
    """+1 when the seat to move wins with best play, -1 when it loses."""
    return Solver().solve(pos)
