"""A game that people and programs play with each other, move by move, with undo."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ringrift_jax import notation
from ringrift_jax.env import Env
from ringrift_jax.learning.config import RunConfig
from ringrift_jax.notation.states import on_host
from ringrift_jax.numerics import new_key
from ringrift_jax.players.agents import make_evaluate
from ringrift_jax.rules.state import Reason, State
from ringrift_jax.runs import records
from ringrift_jax.runs.curves import chances_by_seat
from ringrift_jax.runs.matches import Player, learned_by, make_agent

HUMAN = "human"


class Opponent:
    """A program that plays; it compiles when it first decides.

    Attributes:
      name: for people.
    """

    def __init__(self, env: Env, config: RunConfig, player: Player, champions: Path | None):
        """FileNotFoundError when the player is a champion that is not there."""
        self.name = player.name
        learned = learned_by(env, player, champions)
        agent = make_agent(env, config.loop, player.style, learned)

        def act(state: State, key: jax.Array) -> jax.Array:
            return agent(jax.tree.map(lambda leaf: leaf[None], state), key[None])[0]

        self.act = jax.jit(act)
        self._value = None
        if player.style.kind == "network":
            evaluate = make_evaluate(env, config.loop.network)
            self._value = jax.jit(lambda state: evaluate(learned, env.observe(state)[None])[1][0])

    def chances(self, state: State) -> list[float] | None:
        """What the network thinks that each seat's chance of winning is, summing to 1; None for other players."""
        if self._value is None or bool(state.is_over):
            return None
        return chances_by_seat(np.asarray(self._value(state), float), int(state.current_seat)).tolist()


@dataclass(frozen=True)
class Played:
    """A move that was made: who decided, the position before it, and its name."""

    player: int
    before: State
    move: str


class Session:
    """One game.

    Attributes:
      env: the environment.
      opponents: by player, None for a human.
      state: the position now.
      history: the moves until now.
    """

    def __init__(self, env: Env, opponents: Sequence[Opponent | None], seed: int = 0):
        """``seed``: of the programs' random numbers; an undone move may be answered otherwise."""
        self.env, self.opponents = env, list(opponents)
        self.state: State = env.init()
        self.history: list[Played] = []
        self._key = new_key(seed)
        self._made = 0

    @property
    def over(self) -> bool:
        return bool(self.state.is_over)

    @property
    def opponent(self) -> Opponent | None:
        """Who decides now; None for a human, or when the game is over."""
        return None if self.over else self.opponents[int(self.state.current_player)]

    @property
    def humans_turn(self) -> bool:
        return not self.over and self.opponent is None

    def legal(self) -> list[str]:
        """The legal moves, sorted; none when the game is over."""
        return [] if self.over else notation.legal_moves(self.env, self.state)

    def play(self, move: str) -> None:
        """Makes a move for whoever decides. ValueError, with the reason, when it is not legal."""
        if self.over:
            raise ValueError("the game is over")
        before = self.state
        self._advance(notation.actions_of(self.env, before, move))
        self.history.append(Played(int(before.current_player), before, move))

    def reply(self) -> str:
        """Has the program whose turn it is make its move, and returns that."""
        opponent = self.opponent
        assert opponent, "a human decides"
        before, move = self.state, ""
        while not move or int(self.state.slide) >= 0:  # the slide of a recovery is half a move
            self._made += 1
            action = int(opponent.act(self.state, jax.random.fold_in(self._key, self._made)))
            move = notation.move_of(self.env, self.state, action)
            self._advance([action])
        self.history.append(Played(int(before.current_player), before, move))
        return move

    def undo(self) -> int:
        """Takes back the last move of a human and all after it; returns how many moves that were, perhaps 0."""
        last = [i for i, played in enumerate(self.history) if self.opponents[played.player] is None]
        if not last:
            return 0
        undone = len(self.history) - last[-1]
        self.state = self.history[last[-1]].before
        del self.history[last[-1] :]
        return undone

    def names(self) -> list[str]:
        """Who plays, by player."""
        return [opponent.name if opponent else HUMAN for opponent in self.opponents]

    def record(self, id: str) -> dict:
        """The record of the game until now; one that is not over counts as truncated."""
        moves = [played.move for played in self.history]
        swap = self.env.swap_rule
        return records.record_moves(self.env.board, moves, id=id, models=self.names(), swap_rule=swap)

    def chances(self) -> list[float] | None:
        """The first program's evaluation of the position, if it has one."""
        known = (opponent.chances(self.state) for opponent in self.opponents if opponent)
        return next((chances for chances in known if chances), None)

    def result(self) -> str:
        """How the game ended, for people."""
        host = on_host(self.state)
        reason = notation.REASON_NAMES[Reason(int(host.reason))].replace("_", " ").replace(":", ", ")
        if int(host.winner) < 0:
            return f"nobody wins, {reason}"
        player = int(np.asarray(host.seat_of_player).tolist().index(int(host.winner)))
        return f"seat {int(host.winner) + 1} ({self.names()[player]}) wins: {reason}"

    def _advance(self, actions: Sequence[int]) -> None:
        for action in actions:
            self.state = self.env.step(self.state, jnp.int32(action))


def new_session(env: Env, opponent: Opponent, human_seats: Sequence[int], seed: int) -> Session:
    """A game in which people sit in these seats, counted from 1, and the program in all others."""
    players: list[Any] = [None if seat in human_seats else opponent for seat in range(1, env.num_players + 1)]
    return Session(env, players, seed)
