"""A champion in the box (:mod:`.box`), to evaluate positions and to play with."""

from dataclasses import dataclass
from typing import Any

from ..boards import standard
from ..env import Env
from ..learning.config import RunConfig
from ..players.agents import Agent, make_evaluate, search_agent
from ..search.config import TURNS
from ..search.winning_turn import usual_nodes
from .box import CARD, boxed_run
from .cards import Card, read_card
from .packed import CHAMPIONS, SUFFIX, unpack


@dataclass(frozen=True)
class Champion:
    """A trained network.

    Attributes:
      config: settings of the run that made it, also for playing on.
      params: its parameters.
      card: how it was made and how strong it is.
    """

    config: RunConfig
    params: Any
    card: Card

    @property
    def env(self) -> Env:
        """The game that it plays."""
        return self.config.make_env()

    def evaluate(self, observations: Any) -> tuple[Any, Any]:
        """The network: logits ``float32[B, num_actions]`` and values ``float32[B, n]`` of ``float32[B, S, S, F]``, see
        :class:`~ringrift_jax.search.network.PolicyValueNetwork`."""
        logits, values, *_ = make_evaluate(self.env, self.config.loop.network)(self.params, observations)
        return logits, values

    def agent(self, turns: int = TURNS, nodes: int | None = None) -> Agent:
        """The champion as a player, ``agent(states [B], keys [B]) -> int32[B]``.

        Args:
          turns: whole turns that it compares.
          nodes: decisions of each exact search, for wins of its own turn and of the next player's; by default 65,536,
            and 4,096 on the large boards.
        """
        env, loop = self.env, self.config.loop
        search = loop.search.by_turns(turns, nodes or usual_nodes(env))
        return search_agent(env, make_evaluate(env, loop.network), self.params, search)


def champion(board: str, num_players: int = 2) -> Champion:
    """The champion in the box for a board and a number of players. ValueError when there is no such game, and
    FileNotFoundError when it has no champion yet."""
    standard(board, num_players)
    run = boxed_run(board, num_players)
    card = read_card(run / CARD)
    config, params = unpack(run / CHAMPIONS / f"{card.version}{SUFFIX}")
    return Champion(config, params, card)
