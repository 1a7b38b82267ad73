"""What a program thinks of a position, told again and again while its search grows."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ringrift_jax import notation
from ringrift_jax.players import heuristic
from ringrift_jax.players.agents import make_evaluate
from ringrift_jax.reference.moves import is_slide
from ringrift_jax.runs.curves import chances_by_seat
from ringrift_jax.runs.matches import Player, learned_by
from ringrift_jax.search.explain_win import play_line
from ringrift_jax.search.mcts import ROOT, Grown
from ringrift_jax.search.tree import begin_search, continue_search
from ringrift_jax.search.winning_turn import usual_nodes, winning_lines

from .messages import Analyse, Analysis, Candidate, Choice, Judge, Judged, Stage

SIMULATIONS = 2048
"""Simulations after which an analysis is done; the tree has room for so many."""
_DEEPEST = 64  # decisions of a path, so that the arrays of paths stay short
_SHOWN = 12
_CHOICES = 10
_LINE = 8  # moves of a principal line


class Analyst:
    """Analyses positions of one game, with a program's network if it has one, else with the heuristic.

    Args:
      env: the environment.
      config: of the run, or of the game.
      player: the program.
      champions: directory of the run's champions; None without.
      tell: takes the stages of compiling.
    """

    def __init__(self, env, config, player: Player, champions, tell):
        self.env, self._tell, self._name = env, tell, player.name
        self._judges = self._finds_wins = False  # once they are compiled
        self._network = player.style.kind == "network"
        if self._network:
            self._learned = learned_by(env, player, champions)
            evaluate, search = make_evaluate(env, config.loop.network), config.loop.search
            self._maxn = search.opponents == "maxn"
            self._begin = jax.jit(
                lambda learned, state: begin_search(env, evaluate, learned, state, search, SIMULATIONS)
            )
            self._go_on = jax.jit(
                lambda learned, grown, first, last: continue_search(
                    env, evaluate, learned, grown, first, last, search, _DEEPEST
                ),
                donate_argnums=1,
            )
            self._values = jax.jit(lambda learned, state: evaluate(learned, env.observe(state)[None])[1][0])
        else:
            self._learned = heuristic.weights(heuristic.default_profile(env))

    def analyse(self, question: Analyse) -> Iterator[Analysis]:
        """What is thought after more and more simulations. The exact search for a win of the turn comes first, but the
        first time, when it has to be compiled, last."""
        state = notation.from_state_string(self.env, question.state)
        thoughts = self._by_network(question.id, state) if self._network else self._by_heuristic(question.id, state)
        win = self._win(state) if self._finds_wins else []
        self._compiles_judging()
        thought = None
        for thought in thoughts:
            self._judges = self._judges or self._ready()
            thought.win = win
            yield thought
        if thought and not self._finds_wins:
            thought.win = self._win(state)
            yield thought

    def judge(self, question: Judge) -> Judged:
        """What a network expects after so many simulations, if there is one, and a win of the turn, if one is found."""
        state = notation.from_state_string(self.env, question.state)
        chances, line, choices = None, [], []
        if self._network:
            self._compiles_judging()
            grown = self._go_on(self._learned, self._begin(self._learned, state), 0, question.simulations)
            chances, tree = self._chances(state, np.asarray(grown.values[ROOT], float)), _Tree(grown)
            line = self._line(state, grown, tree, int(np.argmax(tree.visits[ROOT])))
            choices = self._choices(state, tree)
            self._judges = self._judges or self._ready()
        return Judged(question.id, chances, self._win(state), line, choices)

    def _choices(self, state: Any, tree: "_Tree") -> list[Choice]:
        """The network's first choices; the slide of a recovery is one."""
        slots = [slot for slot in np.argsort(-tree.priors, kind="stable")[:_CHOICES] if tree.actions[ROOT, slot] >= 0]
        moves = notation.moves_of(self.env, state, [int(tree.actions[ROOT, slot]) for slot in slots])
        return [Choice(move, float(tree.priors[slot])) for move, slot in zip(moves, slots, strict=True)]

    def _compiles_judging(self) -> None:
        if not self._judges:
            self._tell(Stage("compiling the analysis, for up to some minutes the first time", self._name))

    def _ready(self) -> bool:
        self._tell(Stage("", self._name))
        return True

    def _win(self, state: Any) -> list[str]:
        if not self._finds_wins:
            self._tell(Stage("compiling the search for wins of a turn", self._name))
        one = jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], state)
        win, lines = winning_lines(self.env, one, usual_nodes(self.env), jnp.ones(1, bool))
        self._finds_wins = self._finds_wins or self._ready()
        return play_line(self.env, state, lines[0].tolist())[0] if bool(win.found[0]) else []

    def _by_heuristic(self, id: str, state: Any) -> Iterator[Analysis]:
        one = jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], state)
        actions, values = (np.asarray(found[0]) for found in heuristic.decision_values(self.env, one, self._learned))
        best = [index for index in np.argsort(-values, kind="stable")[:_SHOWN] if actions[index] >= 0]
        candidates = []
        for index in best:
            move = self._whole(state, notation.moves_of(self.env, state, [int(actions[index])])[0])
            candidates.append(Candidate(move, [move], score=float(values[index])))
        yield Analysis(id, 0, None, candidates, [], more=False)

    def _by_network(self, id: str, state: Any) -> Iterator[Analysis]:
        grown, done = self._begin(self._learned, state), 0
        # The first answers come soon, later ones less often.
        while done < SIMULATIONS - 1:
            last = min(SIMULATIONS - 1, done + max(8, done // 4))
            grown, done = self._go_on(self._learned, grown, done, last), last
            yield self._seen(id, state, grown, done)

    def _seen(self, id: str, state: Any, grown: Grown, done: int) -> Analysis:
        tree = _Tree(grown)
        order = [slot for slot in np.argsort(-tree.visits[ROOT], kind="stable") if tree.actions[ROOT, slot] >= 0]
        candidates = []
        for slot in order[:_SHOWN]:
            line = self._line(state, grown, tree, int(slot))
            prior, visits = float(tree.priors[slot]), int(tree.visits[ROOT, slot])
            value = float(tree.values[ROOT, slot]) if visits else None
            candidates.append(Candidate(line[0], line, visits, value, prior))
        chances = self._chances(state, np.asarray(grown.values[ROOT], float))
        return Analysis(id, done, chances, candidates, [], more=done < SIMULATIONS - 1)

    def _line(self, state: Any, grown: Grown, tree: "_Tree", slot: int) -> list[str]:
        """The moves from a slot of the root on, always by the most visited child. A recovery is one move of two."""
        node, line = ROOT, []
        while len(line) < _LINE:
            at = jax.tree.map(lambda leaf, node=node: leaf[node], grown.embeddings.state)
            move = notation.moves_of(self.env, at, [int(tree.actions[node, slot])])[0]
            if line and move.startswith(f"{line[-1]} "):
                line.pop()
            line.append(move)
            node = int(tree.children[node, slot])
            if node < 0 or not tree.visits[node].any():
                break
            slot = int(np.argmax(tree.visits[node]))
        return [self._whole(state, line[0]), *line[1:]]

    def _whole(self, state: Any, move: str) -> str:
        """The move; of the slide of a recovery alone, the first recovery that begins with it."""
        if is_slide(move):
            return next(whole for whole in notation.legal_moves(self.env, state) if whole.startswith(f"{move} "))
        return move

    def _chances(self, state: Any, values: np.ndarray) -> list[float]:
        """Each seat's chance of winning. Of three or four players who all play against one, the tree knows the value of
        that one alone, so the network's own judgement is told."""
        n, seat = self.env.num_players, int(state.current_seat)
        if n == 2:
            mine = (float(values[int(state.current_player) if self._maxn else 0]) + 1) / 2
            return [mine, 1 - mine] if seat == 0 else [1 - mine, mine]
        if self._maxn:
            from_seat = [int(player) for player in np.argsort(np.asarray(state.seat_of_player))]
            rolled = np.roll(values[from_seat], -seat)
        else:
            rolled = np.asarray(self._values(self._learned, state), float)
        return chances_by_seat(rolled, seat).tolist()


class _Tree:
    """What of a tree is looked at on the host."""

    def __init__(self, grown: Grown):
        self.visits, self.values, self.children, self.actions = map(
            np.asarray, (grown.children_visits, grown.children_values, grown.children, grown.embeddings.actions)
        )
        logits = np.asarray(grown.logits[ROOT], float)
        priors = np.exp(logits - logits.max())
        self.priors = priors / priors.sum()
