"""What training takes in of the games that workers have played (``RUN/workers/*/*.npz``), each game once.

The event log says what was taken in, iteration by iteration. The rows are in the replay ring, which the checkpoints
hold. A run that goes on from a checkpoint drops the events after it and takes those games in again.
"""

import zlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np

from ..learning.games import PlayedGame
from ..learning.loop import LoopConfig, LoopState
from ..learning.ring import Rows, Sample
from ..search.config import num_slots
from .events import Event, GamesIngested, read
from .exports import load_npz
from .parity import check

WORKERS = "workers"

ROUNDING = 0.01
"""By how much the weights of a policy, in half precision, may sum to something else than 1."""

TakeIn = Callable[[LoopState, Sample, np.int32], LoopState]
"""``ringrift_jax.learning.loop.take_in`` of a configuration, jitted."""


@dataclass(frozen=True)
class Ingested:
    """What is taken in before an iteration: the games, and what the event log says about them."""

    games: Sequence[PlayedGame] = ()
    events: Sequence[GamesIngested] = ()


class Inbox:
    """Finds and checks the games that are taken in next."""

    def __init__(self, run: Path, env: Any, config: LoopConfig):
        self._run, self._env, self._config = run, env, config
        self._done: set[str] = set()
        self._taken: dict[str, int] = {}
        self._file, self._open = "", deque[PlayedGame]()
        for event in read(run):
            if isinstance(event, GamesIngested):
                self._count(event)

    def next(self, iteration: int) -> Ingested:
        """What is taken in before an iteration, the newest files first: their games are by the best network.

        At most as many rows as self-play writes in an iteration, so that its own rows stay in the ring at least half as
        long as without; but always one game, however long.
        """
        room = self._config.self_play.lanes * self._config.self_play.chunk
        games: list[PlayedGame] = []
        events: list[GamesIngested] = []
        waiting = self._waiting()
        while room > 0 and (self._open or waiting):
            problem = None if self._open else self._load(waiting.popleft())
            part: list[PlayedGame] = []
            while self._open and (not games or len(self._open[0].actions) <= room):
                part.append(self._open.popleft())
                games.append(part[-1])
                room -= len(part[-1].actions)
            if part or problem:
                rows, first = sum(len(game.actions) for game in part), self._taken.get(self._file, 0)
                events.append(GamesIngested(iteration, self._file, first, len(part), rows, len(self._open), problem))
                self._count(events[-1])
            if self._open:
                break
        return Ingested(games, events)

    def _count(self, event: GamesIngested) -> None:
        self._taken[event.path] = event.first + event.games
        if event.rejected or not event.left:
            self._done.add(event.path)

    def _waiting(self) -> deque[str]:
        files = (path.relative_to(self._run).as_posix() for path in self._run.glob(f"{WORKERS}/*/*.npz"))
        closed = self._done | ({self._file} if self._open else set())
        return deque(sorted((file for file in files if file not in closed), key=lambda file: (-self._time(file), file)))

    def _time(self, file: str) -> float:
        try:
            return (self._run / file).stat().st_mtime
        except FileNotFoundError:  # removed meanwhile
            return 0.0

    def _load(self, file: str) -> str | None:
        """Opens a file that is all right; otherwise says what is wrong."""
        self._file = file
        try:
            env, games = load_npz(self._run / file)
        except FileNotFoundError:
            return None
        except ValueError as problem:
            return str(problem).removeprefix(f"{self._run / file}: ")
        problem = self._problem(env, games)
        if problem is None:
            self._open = deque(games[self._taken.get(file, 0) :])
        return problem

    def _problem(self, env: Any, games: list[PlayedGame]) -> str | None:
        if env != self._env:
            return f"the games are of {_describe(env)}; those of the run are of {_describe(self._env)}"
        slots, taken = num_slots(env, self._config.search), self._taken.get(self._file, 0)
        if games[0].slot_actions.shape[1] != slots:
            return f"policies have {games[0].slot_actions.shape[1]} slots; the search of the run has {slots}"
        if taken >= len(games):
            return f"it has {len(games)} games, of which {taken} were taken in before"
        capacity = self._config.learner.replay_blocks * self._config.self_play.lanes
        for number, game in enumerate(games):
            if problem := _problem_of_game(game, capacity):
                return f"game {number} {problem}"
        first, number = zlib.crc32(self._file.encode()), max(1, self._config.gates.parity_games)
        chosen = [games[(first + i) % len(games)] for i in range(min(number, len(games)))]
        return check(env, chosen).problem


def _describe(env: Any) -> str:
    swap = ", swap rule" if env.swap_rule else ""
    limit = f", max_steps {env.max_steps}" if env.max_steps else ""
    return f"{env.board.name}, {env.num_players} players{swap}{limit}"


def _problem_of_game(game: PlayedGame, capacity: int) -> str | None:
    """What can be seen without the rules."""
    decisions, weights = len(game.actions), game.slot_weights.astype(np.float32)
    if decisions > capacity:
        return f"has {decisions} decisions; the ring of the run holds {capacity}"
    if not all(game.models):
        return "does not name the models of all players"
    if not np.array_equal(game.states.steps, np.arange(decisions)):
        return "is not whole: its positions do not count 0, 1, 2 ..."
    if not (game.slot_actions == game.actions[:, None]).any(axis=-1).all():
        return "has an action that its policy does not have"
    if not ((weights >= 0).all() and (abs(weights.sum(axis=-1) - 1) < ROUNDING).all()):
        return "has a policy whose weights are not a distribution"
    if not ((game.surprise >= 0) & np.isfinite(game.surprise)).all():
        return "has a surprise that is negative or not finite"
    return None


def add_games(take_in: TakeIn, state: LoopState, games: Sequence[PlayedGame]) -> LoopState:
    """The state with all positions of some games in its ring, block by block; it is consumed (donated)."""
    if not games:
        return state
    lanes, ring = state.replay.status.shape[1], state.replay.rows

    def joined(name: str) -> Any:
        return jax.tree.map(lambda *leaves: np.concatenate(leaves), *[getattr(game, name) for game in games])

    rows = Rows(
        joined("states"),
        joined("actions").astype(ring.action.dtype),
        joined("slot_actions").astype(ring.slot_actions.dtype),
        joined("slot_weights"),
        joined("surprise"),
    )
    outcome: Any = np.concatenate([np.tile(game.rewards, (len(game.actions), 1)) for game in games])
    last_turn: Any = np.concatenate([np.full(len(game.actions), game.states.turn[-1]) for game in games])
    sample = Sample(rows, outcome, last_turn)
    for start in range(0, len(outcome), lanes):
        at = np.minimum(np.arange(start, start + lanes), len(outcome) - 1)
        block = jax.tree.map(lambda leaf, at=at: leaf[at], sample)
        state = take_in(state, block, np.int32(min(lanes, len(outcome) - start)))
    return state


def taken_before(run: Path, happened: Sequence[Event], iteration: int) -> list[PlayedGame]:
    """The games that were taken in before an iteration that was done, from their files. FileNotFoundError or ValueError
    when a file is not there any more, or is damaged."""
    return games_of(run, [e for e in happened if isinstance(e, GamesIngested) and e.iteration == iteration])


def games_of(run: Path, events: Sequence[GamesIngested]) -> list[PlayedGame]:
    """The games that were taken in, from their files. FileNotFoundError or ValueError when a file is not there any
    more, or is damaged."""
    return [
        game
        for event in events
        if event.games
        for game in load_npz(run / event.path)[1][event.first : event.first + event.games]
    ]
