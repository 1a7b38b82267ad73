"""What loops over many games want around an environment."""

from collections.abc import Callable
from typing import Any

import jax

from .game import Game
from .pytrees import select

Step = Callable[[Any, jax.Array], tuple[Any, Any]]


def auto_reset(env: Game) -> Step:
    """A step that begins a new game where one has ended, so that a batch of games never runs dry.

    Args:
      env: the environment.

    Returns:
      ``step(state, action) -> (following, after)``, unbatched like ``env.step``. ``after`` is what ``env.step`` gives,
      with the ``rewards``, ``terminated``, ``truncated`` and ``ranks`` of a game that has just ended; ``following`` is
      the same, or the start of a new game if ``after`` is over: go on from there.
    """

    def step(state: Any, action: jax.Array) -> tuple[Any, Any]:
        after = env.step(state, action)
        return select(after.is_over, env.init(), after), after

    return step
