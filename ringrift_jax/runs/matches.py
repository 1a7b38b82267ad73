"""Matches between players that are named on the command line."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh

from ..boards import BOARD_NAMES, standard
from ..devices import everywhere, make_mesh
from ..env import Env
from ..learning.config import RunConfig
from ..learning.loop import LoopConfig
from ..numerics import new_key
from ..players import heuristic
from ..players.agents import (
    Agent,
    Planner,
    as_planner,
    heuristic_agent,
    make_evaluate,
    network_agent,
    random_agent,
    search_agent,
    tactician,
)
from ..players.arena import Match, advance, distinct_share, match_keys, new_match, next_ply, width_of
from ..players.ratings import Result, pairwise_from_ranks, wilson
from ..search.config import TURNS
from ..search.winning_turn import usual_nodes, winning_turn
from .box import find_run, is_boxed
from .champion_files import find_champion, load_champion
from .records import record_game


@dataclass(frozen=True)
class Style:
    """How a player decides, apart from what it has learned.

    Attributes:
      kind: what it has learned.
      simulations: of the network's tree over decisions; 0 for the network alone.
      turns: whole turns that the network compares instead, after the exact search of its own turn, and with that of
        the next player's (:mod:`ringrift_jax.search.whole_turns`).
      tactician: it takes every win of its own turn first.
    """

    kind: Literal["random", "heuristic", "network"]
    simulations: int = 0
    turns: int = 0
    tactician: bool = False

    @property
    def manner(self) -> str:
        """How a network decides, to be put behind its name."""
        if self.turns:
            return f", {self.turns} turns"
        return f", {self.simulations} simulations" if self.simulations else " alone"

    @property
    def takes_wins(self) -> bool:
        """It searches its own turn, and takes every win that it finds."""
        return self.tactician or self.turns > 0


@dataclass(frozen=True)
class Player:
    """Somebody who plays a match.

    Attributes:
      style: how it decides.
      version: of the champion, if it is a network.
      profile: of the weights, if it is the heuristic; empty for that of the board.
    """

    style: Style
    version: int = 0
    profile: str = ""

    @property
    def name(self) -> str:
        first = "tactician:" if self.style.tactician else ""
        if self.style.kind != "network":
            return f"{first}{self.style.kind} {self.profile}".strip()
        return f"{first}champion {self.version}{self.style.manner}"


RANDOM = Player(Style("random"))


ALONE = Style("network")
FIRST = Player(ALONE)
"""What training began with, without search."""


def champion(version: int, style: Style = ALONE) -> Player:
    return Player(style, version)


def named(text: str, against: Player = FIRST) -> Player:
    """The player of a name. ValueError when it is none of these.

    Args:
      text: ``random``; ``heuristic``, ``heuristic:PROFILE``; ``champion:VERSION``, which decides as ``against`` does;
        ``itself:SIMULATIONS``, the champion ``against`` with so many simulations; or one of these after ``tactician:``.
      against: whom it plays.
    """
    kind, _, detail = text.partition(":")
    if kind == "tactician" and not detail.startswith("tactician"):
        player = named(detail, against)
        return replace(player, style=replace(player.style, tactician=True))
    if text == "random":
        return RANDOM
    if kind == "heuristic" and (detail in heuristic.PROFILES or text == kind):
        return Player(Style("heuristic"), profile=detail)
    if kind == "champion" and detail.isdecimal():
        return champion(int(detail), against.style)
    if kind == "itself" and detail.isdecimal():
        return champion(against.version, Style("network", simulations=int(detail)))
    raise ValueError(
        f"unknown player {text!r}; it must be random, heuristic, champion:VERSION, itself:SIMULATIONS or "
        f"heuristic:PROFILE with a profile of {', '.join(heuristic.PROFILES)}, or tactician: before one of these"
    )


def needs_no_run(player: str) -> bool:
    """Whether a name on the command line is of a player that has no network."""
    return player.removeprefix("tactician:").partition(":")[0] in ("random", "heuristic")


def game_without_run(player: str, board: str | None, players: int | None, swap_rule: bool) -> RunConfig | None:
    """The game that the command line names for a player that needs no run; None if the player is a run, which says
    which game it is. Ends the program with one line when too little or too much is named. ValueError when there is no
    such game."""
    if needs_no_run(player):
        if not board:
            raise ValueError(f"{player} needs --board, one of {', '.join(BOARD_NAMES)}, and perhaps --players")
        config = RunConfig(board, players or 2, swap_rule)
        config.make_env()
        return config
    if player.startswith("tactician:"):
        raise ValueError(f"{player} does not play without a run; tactician:random and tactician:heuristic do")
    for flag, given in (("board", board), ("players", players), ("swap-rule", swap_rule)):
        if given and not (flag == "players" and is_boxed(player)):
            raise ValueError(f"--{flag} is for random and heuristic only; {player} says which game it is")
    return None


def find_player(
    text: str, board: str | None, players: int | None, swap_rule: bool = False, style: Style | None = None
) -> tuple[RunConfig, Player, Path | None]:
    """Who is named on the command line: a run, whose newest champion plays, RUN/champions/VERSION, a champion in the
    box (:func:`.box.find_run`), or a player without.

    Args:
      board, players, swap_rule: the game, if no run says which; the number of players chooses in the box too.
      style: of a champion; None for whole turns.

    Returns:
      The game, the player, and the directory of the champions if it is one.

    Raises:
      FileNotFoundError, ValueError: there is no such player or game.
    """
    config = game_without_run(text, board, players, swap_rule)
    if config:
        if style:
            raise ValueError(f"--{'turns' if style.turns else 'simulations'} needs a run, and {text} is none")
        return config, named(text), None
    try:
        champions, version = find_champion(find_run(text, players))
    except FileNotFoundError as problem:
        raise FileNotFoundError(
            f"{problem}. Without a run, random and heuristic play: heuristic --board square8"
        ) from None
    config, _ = load_champion(champions / str(version))
    return config, champion(version, style or Style("network", turns=TURNS)), champions


def learned_by(env: Env, player: Player, champions: Path | None) -> Any:
    """What a player plays with: parameters of a champion in that directory, weights of the heuristic, or None.
    FileNotFoundError when there is no such champion."""
    if player.style.kind == "random":
        return None
    if player.style.kind == "heuristic":
        return heuristic.weights(player.profile or heuristic.default_profile(env))
    assert champions, "champions need a run"
    return load_champion(champions / str(player.version))[1]


def make_agent(env: Env, loop: LoopConfig, style: Style, learned: Any, mesh: Mesh | None = None) -> Agent:
    """An agent of this style. ``mesh``: devices to spread games over."""
    if style.tactician:
        return tactician(env, make_agent(env, loop, replace(style, tactician=False), learned, mesh), mesh=mesh)
    if style.kind == "random":
        return random_agent(env)
    if style.kind == "heuristic":
        return heuristic_agent(env, learned, mesh)
    evaluate = make_evaluate(env, loop.network)
    if style.turns:
        return search_agent(env, evaluate, learned, loop.search.by_turns(style.turns, usual_nodes(env)), mesh)
    if not style.simulations:
        return network_agent(env, evaluate, learned, mesh)
    tree = replace(loop.search, simulations=style.simulations, turns=0, turn_nodes=0)
    return search_agent(env, evaluate, learned, tree, mesh)


@dataclass(frozen=True)
class Outcome:
    """A finished match.

    Attributes:
      player, opponent: names.
      games, wins, losses: of the player; the other games were truncated.
      distinct: share of the games that differ.
      length: mean decisions of a game.
      wins_by_seat: of those in which the player had that seat in the end, one number for each seat.
      results: for ratings, grouped by opening: the player's rank against each other seat's.
      contested_games, contested_wins: those whose opening is not won at once (:attr:`Matches.won_at_once`); 0 where
        neither side takes every win of its turn.
    """

    player: str
    opponent: str
    games: int
    wins: int
    losses: int
    distinct: float
    length: float
    wins_by_seat: tuple[int, ...]
    results: tuple[Result, ...]
    contested_games: int = 0
    contested_wins: int = 0

    @property
    def interval(self) -> tuple[float, float]:
        """95% interval of the share of games won."""
        return wilson(self.wins, self.games)

    @property
    def contested_interval(self) -> tuple[float, float] | None:
        """95% interval of the share of contested games won, if there are any."""
        return wilson(self.contested_wins, self.contested_games) if self.contested_games else None


Watch = Callable[[int, int], None]
"""Is told, while a match is played, how many of its games are over, and how many of these the player has won."""


def unwatched(over: int, won: int) -> None:
    """Nobody watches."""


class _Ply(NamedTuple):
    """Decisions of a match that were made together, on the host: the games ``int32[W]``, of which those beyond the last
    one are fillers, their states ``[W]`` before, and the actions ``int32[W]``."""

    games: np.ndarray
    states: Any
    actions: np.ndarray


class _Compiled(NamedTuple):
    """How a style decides: ``act(learned, states [B], keys [B], memory [B]) -> int32[B], memory``, compiled, and its
    memory at the start of so many games."""

    act: Callable
    remember: Callable[[int], Any]


class Matches:
    """Plays matches on one board, all from the same openings.

    Each style is compiled once, whomever it plays: a match is a loop on the host over compiled plies. As one program it
    would be compiled for each pair of styles, 28 times for a ladder of seven.

    Args:
      config: the game, and how champions search.
      champions: directory of a run's champions; None if none play.
      games: of a match, made a multiple of the number of players.
      opening: uniformly random decisions at the start of each game.
      seed: of all random numbers.
    """

    def __init__(self, config: RunConfig, champions: Path | None, games: int, opening: int, seed: int):
        self.config, self.champions = config, champions
        self.env = config.make_env()
        self.groups = -(-games // config.num_players)
        self.games = self.groups * config.num_players
        self._seed, self._opening = seed, opening
        self._compiled: dict[Style, _Compiled] = {}
        self._params: dict[Player, Any] = {}

    @cached_property
    def mesh(self) -> Mesh:
        return make_mesh()

    @cached_property
    def won_at_once(self) -> np.ndarray:
        """``bool[groups]``: openings after which the player to move can win before its turn passes, as far as a search
        of :func:`~ringrift_jax.search.winning_turn.usual_nodes` finds out. A player who takes every win loses none of
        these games from that seat."""
        firsts = jax.tree.map(lambda leaf: leaf[:: self.config.num_players], self._opened[0].state)
        return np.asarray(winning_turn(self.env, firsts, usual_nodes(self.env)).found)

    def play(self, player: Player, opponent: Player, watch: Watch = unwatched) -> Outcome:
        """Plays a match to its end. FileNotFoundError when one of the champions does not exist."""
        return self._outcome(player, opponent, self._play(player, opponent, watch))

    def record(
        self, player: Player, opponent: Player, name: str, watch: Watch = unwatched
    ) -> tuple[Outcome, list[dict]]:
        """Plays a match to its end, and has the reference make the records of its games, whose ids begin with ``name``.
        Raises Disagreement too, when the reference finds another game."""
        plies: list[_Ply] = []
        match = self._play(player, opponent, watch, plies)
        return self._outcome(player, opponent, match), self._records(player, opponent, match, plies, name)

    def _learned(self, player: Player) -> Any:
        if player not in self._params:
            self._params[player] = jax.device_put(learned_by(self.env, player, self.champions), everywhere(self.mesh))
        return self._params[player]

    def _compile(self, style: Style) -> _Compiled:
        def agent(learned: Any) -> Planner:
            return as_planner(make_agent(self.env, self.config.loop, style, learned, self.mesh))

        if style not in self._compiled:
            act = jax.jit(lambda learned, *waiting: agent(learned).act(*waiting))
            self._compiled[style] = _Compiled(act, agent(None).remember)
        return self._compiled[style]

    def _width(self, *styles: Style) -> int:
        """How many games move together when these play. On a CPU few, if somebody searches decisions: that takes about
        as long for each game in a batch whose boards have some 2,048 cells together as in a larger one, and small
        batches stay full until the last games (docs/performance.md). A search of turns lasts as long as its hardest
        one, and the heuristic of small boards is the faster, the larger the batch."""
        devices = self.mesh.size
        half = width_of(self.games, devices)
        on_cpu = self.mesh.devices.flat[0].platform == "cpu"
        if on_cpu and any(s.simulations for s in styles) and not any(s.takes_wins for s in styles):
            return min(half, max(8, 2048 // standard(self.config.board).num_cells) * devices)
        return half

    @cached_property
    def _next_ply(self) -> Callable:
        return jax.jit(partial(next_ply, self.env, opening=self._opening), static_argnames="width")

    @cached_property
    def _draw(self) -> Callable:
        return jax.jit(random_agent(self.env))

    @cached_property
    def _step(self) -> Callable:
        return jax.jit(jax.vmap(self.env.step))

    @cached_property
    def _advance(self) -> Callable:
        return jax.jit(partial(advance, self.env))

    @cached_property
    def _keys(self) -> jax.Array:
        keys = match_keys(new_key(self._seed), self.groups, self.config.num_players)
        return jax.device_put(keys, everywhere(self.mesh))

    @cached_property
    def _opened(self) -> tuple[Match, list[_Ply]]:
        """All games after their openings, which are the same in every match, and what was decided until then."""
        match = jax.device_put(new_match(self.env, self.groups), everywhere(self.mesh))
        plies: list[_Ply] = []
        while True:
            opens, turn, (states, keys, _) = self._next_ply(match, self._keys, width=self._width())
            if not opens:
                return match, plies
            actions = self._draw(states, keys)
            plies.append(_Ply(*jax.device_get((turn.games, states, actions))))
            match = self._advance(match, turn, self._step(states, actions))

    def _play(self, player: Player, opponent: Player, watch: Watch, plies: list[_Ply] | None = None) -> Match:
        """``plies``: what was decided is added to them, if they are given."""
        learned = self._learned(player), self._learned(opponent)
        styles = self._compile(player.style), self._compile(opponent.style)
        remembered = tuple(style.remember(self.games) for style in styles)
        width = self._width(player.style, opponent.style)
        match, opening = self._opened
        match = replace(match, memory=jax.device_put(remembered, everywhere(self.mesh)))
        if plies is not None:
            plies += opening
        going = match.running
        while going.any():
            _, turn, (states, keys, memory) = self._next_ply(match, self._keys, width=width)
            side = 0 if turn.challenging else 1
            actions, own = styles[side].act(learned[side], states, keys, memory[side])
            if plies is not None:
                plies.append(_Ply(*jax.device_get((turn.games, states, actions))))
            memory = (own, memory[1]) if side == 0 else (memory[0], own)
            match = self._advance(match, turn, self._step(states, actions), memory)
            going, won = jax.device_get((match.running, match.score > 0))
            watch(int((~going).sum()), int(won.sum()))
        return match

    def _records(self, player: Player, opponent: Player, match: Match, plies: Sequence[_Ply], name: str) -> list[dict]:
        """Records of all games, in their order."""
        states: list[list[Any]] = [[] for _ in range(self.games)]
        actions: list[list[int]] = [[] for _ in range(self.games)]
        for ply in plies:
            for row, game in enumerate(ply.games):
                if game < self.games:
                    states[game].append(jax.tree.map(lambda leaf, row=row: leaf[row], ply.states))
                    actions[game].append(int(ply.actions[row]))
        rewards, records = np.asarray(match.state.rewards), []
        for game in range(self.games):
            models = [opponent.name] * self.config.num_players
            models[game % self.config.num_players] = player.name
            played = jax.tree.map(lambda *leaves: np.stack(leaves), *states[game])
            id = f"{name}-{game + 1}"
            records.append(record_game(self.env, played, actions[game], rewards[game], id=id, models=models))
        return records

    def _outcome(self, player: Player, opponent: Player, match: Match) -> Outcome:
        match = jax.device_get(match)
        players, score = self.config.num_players, np.asarray(match.score)
        results, wins_by_seat = [], [0] * players
        seats, ranks = np.asarray(match.state.seat_of_player).tolist(), np.asarray(match.state.ranks).tolist()
        for game in range(self.games):
            names = [opponent.name] * players
            seat = seats[game][game % players]
            names[seat] = player.name
            wins_by_seat[seat] += int(score[game] > 0)
            results += pairwise_from_ranks(names, ranks[game], group=game // players)
        contested = np.zeros(self.games, bool)
        if player.style.takes_wins or opponent.style.takes_wins:
            contested = np.repeat(~self.won_at_once, players)
        return Outcome(
            player=player.name,
            opponent=opponent.name,
            games=self.games,
            wins=int((score > 0).sum()),
            losses=int((score < 0).sum()),
            distinct=distinct_share(match),
            length=float(np.mean(match.length)),
            wins_by_seat=tuple(wins_by_seat),
            results=tuple(results),
            contested_games=int(contested.sum()),
            contested_wins=int((contested & (score > 0)).sum()),
        )
