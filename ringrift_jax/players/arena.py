"""Matches between a challenger and an opponent that are fair to both.

Games come in groups of one per player: all games of a group have the same opening, and in each the challenger is
another player, so that every seat is held equally often. With two players a group is a pair. The mean score of a group
is the unit of the statistics, because games of one opening are not independent.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
from msgspec import Meta

from ..collectives import ALONE, Collectives
from ..game import Game, GameState
from ..numerics import in_32_bits
from ..settings import INT32_MAX, Count, CountOrZero, check
from .agents import Agent, as_planner, random_agent
from .sequential import SequentialConfig, Verdict, verdict


@dataclass(frozen=True)
class ArenaConfig:
    """When the network being trained challenges the champion, and what it takes to win.

    Attributes:
      every: iterations from one arena to the next.
      groups: openings that the test reads at most; each is played once per player, with the challenger in another
        seat.
      held_out: openings that follow those that the test reads. A challenger that has won plays on until they are
        over, and they alone say how much stronger it is.
      opening: decisions at the start of each game that are drawn, all from the champion's search.
      turns: whole turns that both sides compare, as champions do when they play, with answers to all of them; 0 to
        search as self-play does.
      nodes: decisions that are tried for a win of the own turn, and for each answer.
      test: decides, and ends the match as soon as it has.
    """

    every: Count = 32
    groups: Annotated[int, Meta(ge=2, le=INT32_MAX)] = 256
    held_out: Annotated[int, Meta(ge=2, le=INT32_MAX)] = 64
    opening: CountOrZero = 8
    turns: CountOrZero = 0
    nodes: Count = 4096
    test: SequentialConfig = SequentialConfig()

    @property
    def openings(self) -> int:
        """All that a match may need."""
        return self.groups + self.held_out

    def __post_init__(self) -> None:
        check(self)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Match:
    """The games of a match, finished or not; G = groups, n = players. In game g the challenger is player ``g % n``.

    Attributes:
      state: states with leading axis ``[G * n]``.
      score: ``float32[G * n]`` reward of the challenger: 1 for a win, -1/(n-1) for a loss, 0 when truncated or running.
      length: ``int32[G * n]`` decisions.
      memory: what the players know of the running turns, ``[G * n]``; nothing for those who do not plan.
    """

    state: Any
    score: jax.Array
    length: jax.Array
    memory: Any = ()

    @property
    def running(self) -> jax.Array:
        """``bool[G * n]``."""
        return ~self.state.is_over


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Turn:
    """Games of a match that move together because they wait for the same side; W = width.

    Attributes:
      challenging: ``bool``, whether that side is the challenger.
      games: ``int32[W]`` their indices, each once, then fillers beyond the last game.
    """

    challenging: jax.Array
    games: jax.Array


@in_32_bits
def new_match(env: Game, groups: int, memory: Any = ()) -> Match:
    """``groups * n`` games at their start."""
    total = groups * env.num_players
    start = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (total, *leaf.shape)), env.init())
    return Match(start, jnp.zeros(total, jnp.float32), jnp.zeros(total, jnp.int32), memory)


@in_32_bits
def next_turn(env: Game, match: Match, width: int, opening: int = 0) -> Turn:
    """Up to ``width`` games that wait for the side more games wait for, among the first ``2 * width`` that run.

    So one network at a time is evaluated, on a nearly full batch, and the first games end first. In the first
    ``opening`` decisions of a game all players are the opponent's.
    """
    total = len(match.length)
    running = match.running & (jnp.cumsum(match.running) <= 2 * width)
    is_challenger = match.state.current_player == jnp.arange(total) % env.num_players
    side = is_challenger & (match.length >= opening)
    challenging = 2 * jnp.sum(running & side) >= jnp.sum(running)
    return Turn(challenging, _indices(running & (side == challenging), width))


def _indices(ready: jax.Array, width: int) -> jax.Array:
    """``int32[width]``: the first games that are ready, then fillers."""
    (games,) = jnp.nonzero(ready, size=width, fill_value=len(ready))
    return games


def take(turn: Turn, per_game: Any) -> Any:
    """The entries ``[W]`` of a turn's games in arrays with one entry per game; fillers get some entry."""
    return jax.tree.map(lambda leaf: leaf.at[turn.games].get(mode="clip"), per_game)


@in_32_bits
def advance(env: Game, match: Match, turn: Turn, after: GameState, memory: Any = ()) -> Match:
    """The match after a turn; ``after`` holds the states ``[W]`` after the decisions, ``memory`` what is known of them.
    Fillers change nothing."""
    gained = jnp.take_along_axis(after.rewards, (turn.games % env.num_players)[:, None], axis=1)[:, 0]
    return Match(
        jax.tree.map(lambda leaf, new: leaf.at[turn.games].set(new, mode="drop"), match.state, after),
        match.score.at[turn.games].add(gained, mode="drop"),
        match.length.at[turn.games].add(1, mode="drop"),
        jax.tree.map(lambda leaf, new: leaf.at[turn.games].set(new, mode="drop"), match.memory, memory),
    )


def match_keys(key: jax.Array, groups: int, players: int) -> jax.Array:
    """Typed keys ``[groups * players]``, equal within a group. The key is consumed."""
    return jnp.repeat(jax.random.split(key, groups), players)


@dataclass(frozen=True)
class Sides:
    """Both sides of a match.

    Attributes:
      act: ``act(challenging, states [B], keys [B], memory [B]) -> int32[B], memory``, of the challenger or else of the
        opponent.
      remember: the memory at the start of so many games.
    """

    act: Callable[[jax.Array, Any, jax.Array, Any], tuple[jax.Array, Any]]
    remember: Callable[[int], Any]


def versus(challenger: Agent, opponent: Agent) -> Sides:
    """Two agents as the sides of a match."""
    mine, theirs = as_planner(challenger), as_planner(opponent)

    def of_challenger(states, keys, memory):
        action, own = mine.act(states, keys, memory[0])
        return action, (own, memory[1])

    def of_opponent(states, keys, memory):
        action, own = theirs.act(states, keys, memory[1])
        return action, (memory[0], own)

    return Sides(
        lambda challenging, *waiting: jax.lax.cond(challenging, of_challenger, of_opponent, *waiting),
        lambda batch: (mine.remember(batch), theirs.remember(batch)),
    )


@in_32_bits
def next_ply(env: Game, match: Match, keys: jax.Array, width: int, opening: int) -> tuple[jax.Array, Turn, Any]:
    """Which games of a match move next: whether they are at their ``opening`` decisions, which are uniformly random,
    the turn, and states, keys and memory ``[W]`` to decide from. ``keys``: of :func:`match_keys`, not consumed."""
    turn = next_turn(env, match, width)
    opens = match.running & (match.length < opening)
    turn = replace(turn, games=jnp.where(opens.any(), _indices(opens, width), turn.games))
    states, memory = take(turn, (match.state, match.memory))
    ply_keys = jax.vmap(jax.random.fold_in)(take(turn, keys), take(turn, match.length))
    return opens.any(), turn, (states, ply_keys, memory)


def width_of(games: int, devices: int = 1) -> int:
    """How many games of a match move together: half of them, made a multiple of the devices that agents spread them
    over."""
    return -(-games // (2 * devices)) * devices


@in_32_bits
def play_match(env: Game, sides: Sides, groups: int, key: jax.Array, opening: int = 0, devices: int = 1) -> Match:
    """Plays ``groups * n`` games to their end, in one program under ``jit``.

    Args:
      env: the environment.
      sides: who plays.
      groups: openings.
      key: typed key, consumed.
      opening: decisions at the start of each game that are uniformly random, the same in all games of a group.
      devices: over which the agents spread their games.
    """
    keys = match_keys(key, groups, env.num_players)
    width = width_of(len(keys), devices)

    def draw(challenging, states, keys, memory):
        return random_agent(env)(states, keys), memory

    def play_ply(match: Match) -> Match:
        opens, turn, waiting = next_ply(env, match, keys, width, opening)
        actions, memory = jax.lax.cond(opens, draw, sides.act, turn.challenging, *waiting)
        return advance(env, match, turn, jax.vmap(env.step)(waiting[0], actions), memory)

    start = new_match(env, groups, sides.remember(len(keys)))
    return jax.lax.while_loop(lambda match: match.running.any(), play_ply, start)


def distinct_share(match: Match) -> float:
    """Share of the games of a finished match that differ in their last position or length; less than the truth if two
    different games end alike."""
    leaves = [np.asarray(leaf).reshape(len(match.length), -1) for leaf in jax.tree.leaves((match.state, match.length))]
    rows = np.concatenate([leaf.astype(np.int64) for leaf in leaves], axis=1)
    return len(np.unique(rows, axis=0)) / len(rows)


@in_32_bits
def judge(match: Match, players: int, config: ArenaConfig, peers: Collectives = ALONE) -> Verdict:
    """What the groups say up to the first one that still runs. Those of several devices were dealt to them in turn."""
    over, scores = match.running.reshape(-1, players), match.score.reshape(-1, players)
    over, scores = peers.collect((~over.any(axis=1), scores.mean(axis=1)))
    over, scores = over[: config.openings], scores[: config.openings]
    return verdict(scores, jnp.cumprod(over, dtype=jnp.int32).sum(), players, config.test, config.held_out)
