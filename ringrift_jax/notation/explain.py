"""Why a move is legal or not, for users of an environment."""

from .. import reference
from ..env import Env
from ..rules.state import State
from .states import state_string


def explain(env: Env, state: State, move: str) -> str:
    """One sentence: that ``move`` is legal in one unbatched state, or the rule that forbids it.

    The answer comes from the readable rules in ``ringrift_jax.reference``.
    """
    position = reference.from_state_string(env.board, state_string(env, state), env.swap_rule)
    return reference.explain(position, move)
