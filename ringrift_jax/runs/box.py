"""The champions in the box: a trained one for boards and numbers of players, which comes with the package.

Each is a run as far as its parts are small: settings, metrics, events, some of its games, the champion itself, and a
card that says how it was made and how strong it is (:mod:`.cards`). Commands take its name where they take a run.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..boards import BOARD_NAMES, standard
from ..env import Env
from ..learning.config import RunConfig
from ..players.agents import Agent, make_evaluate, search_agent
from ..search.config import TURNS
from ..search.winning_turn import usual_nodes
from .cards import CARD, Card, read_card
from .packed import SUFFIX, unpack

BOX = Path(__file__).parents[1] / "data" / "champions"
"""Where they are: a directory ``BOARD-Np`` for each."""

_NAME = re.compile(rf"({'|'.join(BOARD_NAMES)})(?:-([234])p)?")


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
        return make_evaluate(self.env, self.config.loop.network)(self.params, observations)

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
    run = _run_of(board, num_players)
    card = read_card(run / CARD)
    config, params = unpack(run / "champions" / f"{card.version}{SUFFIX}")
    return Champion(config, params, card)


def boxed() -> list[str]:
    """Names of the champions in the box, such as ``square8-2p``."""
    found = (f"{board}-{players}p" for board in BOARD_NAMES for players in (2, 3, 4))
    return [name for name in found if (BOX / name / CARD).exists()]


def find_run(text: str, players: int | None = None) -> Path:
    """The run that is named on a command line: a directory, or ``BOARD`` or ``BOARD-Np`` for a champion in the box,
    unless there is a directory of that name.

    Args:
      text: what was typed.
      players: their number, if it was given apart; 2 for a board's name without.

    Raises:
      FileNotFoundError: the box has no such champion.
      ValueError: the name and ``players`` differ.
    """
    if not is_boxed(text):
        return Path(text)
    board, number = _NAME.fullmatch(text).groups()  # pyright: ignore[reportOptionalMemberAccess]
    if number and players and int(number) != players:
        raise ValueError(f"{text} has {number} players, not {players}")
    return _run_of(board, int(number or players or 2))


def is_boxed(text: str) -> bool:
    """Whether a text names a champion in the box, be there one or not."""
    return bool(_NAME.fullmatch(text)) and not Path(text).is_dir()


def _run_of(board: str, players: int) -> Path:
    name = f"{board}-{players}p"
    if not (BOX / name / CARD).exists():
        raise FileNotFoundError(
            f"there is no champion of {board} with {players} players in the box, which has "
            f"{', '.join(boxed()) or 'none'}; train one: python -m experiments.train {board} --players {players}"
        )
    return BOX / name
