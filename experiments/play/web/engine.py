"""The process of one program: reads questions from its input, a JSON line each, and writes what it finds out.

``python -m experiments.play.web.engine PROGRAM``, where PROGRAM is a :class:`.Program` as JSON. It ends with its input.
"""

import os
import sys
import threading
import traceback
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

import msgspec

from .messages import Analyse, Answer, Ask, Judge, Problem, Program, Question, Stage, Stop, Told


class Gone(Exception):
    """The server does not ask any more."""


class Engine:
    """What a program needs to answer, made when the first question comes or before.

    Args:
      program: who plays what.
      tell: takes what is found out.
    """

    def __init__(self, program: Program, tell: Callable[[Told], None]):
        tell(Stage("starting JAX"))
        from experiments.command_line import start_jax
        from experiments.play.session import Opponent
        from ringrift_jax import notation
        from ringrift_jax.runs.matches import Style, find_player, needs_no_run

        player, rules = program.player, program.rules
        named = player.turns or player.simulations is not None
        style = Style("network", player.simulations or 0, player.turns or 0) if named else None
        game = rules.board, rules.players, rules.swap_rule
        if needs_no_run(player.name):
            config, self.player, champions = find_player(player.name, *game, style)
        else:  # a run says which game it plays
            config, self.player, champions = find_player(player.name, None, None, style=style)
        if (config.board, config.num_players, config.swap_rule) != game:
            raise ValueError(
                f"{player.name} plays {config.board} with {config.num_players} players"
                f"{' and the pie rule' if config.swap_rule else ''}; this game is another one"
            )
        start_jax()
        tell(Stage("loading what it has learned", self.player.name))
        self._notation, self._tell = notation, tell
        self.env = config.make_env()
        self.config, self.champions = config, champions
        self.opponent = Opponent(self.env, config, self.player, champions)

    def warm_up(self) -> None:
        """Compiles what a move needs, before one is asked for."""
        import jax
        import jax.numpy as jnp

        from ringrift_jax.numerics import new_key

        name, state, key = self.player.name, self.env.init(), new_key(0)
        self._tell(Stage("compiling, step 1 of 3: the rules", name))
        text = self._notation.state_string(self.env, self.env.step(state, jnp.int32(0)))
        self._notation.legal_moves(self.env, self._notation.from_state_string(self.env, text))
        self._tell(Stage("compiling, step 2 of 3: writing the search down", name))
        lowered = jax.jit(self.opponent.act).lower(state, key)
        self._tell(Stage("compiling, step 3 of 3: the search, for up to some minutes the first time", name))
        self._act = lowered.compile()
        self._act(state, key).block_until_ready()
        self._tell(Stage("", name))

    def answer(self, ask: Ask) -> Answer:
        """The move that the program makes, as text; a recovery's two actions are one move."""
        import jax
        import jax.numpy as jnp

        from ringrift_jax.numerics import new_key

        state, move = self._notation.from_state_string(self.env, ask.state), ""
        keys = jax.random.split(new_key(ask.seed), 2)
        for key in keys:
            action = int(self._act(state, key))
            move = self._notation.move_of(self.env, state, action)
            state = self.env.step(state, jnp.int32(action))
            if int(state.slide) < 0:
                break
        return Answer(ask.id, move)


def serve(program: Program, questions: SimpleQueue, tell: Callable[[Told], None]) -> None:
    """Answers until :class:`Gone` comes in place of a question. An analysis goes on until there is another one."""
    engine = Engine(program, tell)
    from .analyst import Analyst  # which imports JAX

    engine.warm_up()
    analyst = Analyst(engine.env, engine.config, engine.player, engine.champions, tell)
    work: Any = None
    while True:
        question = _next(questions, wait=work is None)
        match question:
            case Ask():
                tell(engine.answer(question))
            case Judge():
                tell(analyst.judge(question))
            case Analyse():
                work = analyst.analyse(question)
            case Stop():
                work = None
        if work is not None:
            found = next(work, None)
            if found is None:
                work = None
            else:
                tell(found)


def _next(questions: SimpleQueue, wait: bool) -> Question | None:
    try:
        question = questions.get(block=wait)
    except Empty:
        return None
    if question is Gone:
        raise Gone
    return question


def main() -> None:
    """Runs the process. Whatever else prints writes to its errors, so that nothing gets between the answers."""
    # Only what is told may be written to the pipe.
    pipe = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    questions: SimpleQueue = SimpleQueue()

    def tell(told: Told) -> None:
        pipe.write(msgspec.json.encode(told) + b"\n")

    def listen() -> None:
        decode = msgspec.json.Decoder(Question).decode
        for line in sys.stdin.buffer:
            questions.put(decode(line))
        questions.put(Gone)
        # A compilation cannot be asked to stop, and nobody needs it any more.
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    code = 0
    try:
        serve(msgspec.json.decode(sys.argv[1], type=Program), questions, tell)
    except (Gone, BrokenPipeError):
        pass
    except (ValueError, FileNotFoundError) as problem:
        tell(Problem(str(problem)))
    except SystemExit:
        tell(Problem("JAX does not start; the terminal says why"))
    except BaseException:
        traceback.print_exc()
        code = 1
    # Python would wait for the thread that listens.
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
