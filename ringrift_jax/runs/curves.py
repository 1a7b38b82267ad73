"""What a network thinks of a recorded game: curves for its page."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from .. import make
from ..interactive.replay import Curve, seat_curves
from ..players.agents import make_evaluate
from ..pytrees import stack
from .box import find_run
from .champion_files import find_champion, load_champion
from .records import played_decisions


def chances_by_seat(values: np.ndarray, seat: int) -> np.ndarray:
    """Each seat's chance of winning, summing to 1, from a network's values ``float[n]``, counted from the seat to
    move."""
    n = len(values)
    wins = np.clip((values * (n - 1) + 1) / n, 0, 1)
    return np.roll(wins / max(wins.sum(), 1e-6), seat)


def network_curves(record: dict, champion: str | Path) -> dict[str, list[Curve]]:
    """The chance of winning of each seat at every position, and the probability of each move that was played.

    Args:
      record: a verified game.
      champion: a run, whose newest champion judges, RUN/champions/VERSION, or BOARD or BOARD-Np for one in the box.

    Raises:
      FileNotFoundError: there is no such champion.
      ValueError: it plays another game.
    """
    directory, version = find_champion(find_run(champion, record["players"]))
    path = directory / str(version)
    config, params = load_champion(path)
    game = record["board"], record["players"]
    if (config.board, config.num_players) != game:
        raise ValueError(
            f"{path} plays {config.board} with {config.num_players} players; this game is {game[0]} with {game[1]}"
        )
    env = make(*game, swap_rule=record["swap_rule"])
    states, taken, where = played_decisions(env, record)
    evaluate = make_evaluate(env, config.loop.network)

    @jax.jit
    def judge(params, states, actions):
        logits, values, *_ = evaluate(params, jax.vmap(env.observe)(states))
        legal = jax.vmap(env.legal_action_mask)(states)
        chosen = jnp.take_along_axis(jax.nn.log_softmax(logits, where=legal), actions[:, None], axis=-1)[:, 0]
        return values, chosen

    batch = stack(states[:-1])
    values, chosen = map(np.asarray, judge(params, batch, jnp.asarray(taken, jnp.int32)))
    n, positions = env.num_players, len(record["steps"]) + 1
    chances = np.full((positions, n), np.nan)
    played = np.full(positions, np.nan)
    previous = 0
    for index, number in enumerate(where):
        # Forced moves in between change nobody's mind.
        chances[previous:number] = chances_by_seat(values[index], int(batch.current_seat[index]))
        played[number] = np.nan_to_num(played[number]) + chosen[index]
        previous = number
    known = [[None if np.isnan(value) else float(value) for value in row] for row in chances.T]
    return {
        "chance of winning, as the network sees it": seat_curves(known),
        "probability of the move played, without search": [
            Curve("network", [None if np.isnan(value) else float(np.exp(value)) for value in played], "#888")
        ],
    }
