"""Symmetries are exact groups, and the rules commute with them in every phase."""

from functools import partial

import batches
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ringrift_jax as rr
from ringrift_jax import checks, notation, symmetry
from ringrift_jax.boards import Board, custom, standard
from ringrift_jax.notation.states import parse_cell
from ringrift_jax.rules.actions import Layout

BOARDS = (*(standard(name) for name in rr.BOARD_NAMES), custom("square", 5, 6), custom("hex", 5, 6))


@pytest.mark.parametrize(
    ("board", "order"), list(zip(BOARDS, (8, 8, 4, 12, 8, 4), strict=True)), ids=lambda x: str(x)[:20]
)
def test_tables_are_a_group(board: Board, order: int):
    tables = symmetry.cell_tables(board)
    members = {table.tobytes() for table in tables}
    assert symmetry.order(board) == order == len(members)
    np.testing.assert_array_equal(tables[0], np.arange(board.size**2))
    assert all(a[b].tobytes() in members for a in tables for b in tables)
    assert (board.mask.reshape(-1)[tables] == board.mask.reshape(-1)).all()


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_action_tables_are_one_to_one_and_compose(board: Board):
    layout = Layout(board)
    tables, cells = symmetry.action_tables(board), symmetry.cell_tables(board)
    regions = slice(layout.regions * layout.cells, layout.payment * layout.cells)
    on_board = np.flatnonzero(board.mask.reshape(-1))
    assert (tables[:, regions] == -1).all()
    pay = layout.payment * layout.cells
    np.testing.assert_array_equal(tables[:, pay + on_board], pay + cells[:, on_board])
    for table in tables:
        images = table[table >= 0]
        assert len(images) == len(set(images.tolist()))
    for a, b in np.random.default_rng(0).integers(len(tables), size=(8, 2)):
        (both,) = (g for g in range(len(cells)) if (cells[g] == cells[a][cells[b]]).all())
        known = tables[b] >= 0
        np.testing.assert_array_equal(tables[a][tables[b][known]], tables[both][known])


@pytest.mark.parametrize(
    ("board", "num_players", "decisions"),
    [
        pytest.param("square8", 3, 150, marks=pytest.mark.ci),
        pytest.param("hex8", 4, 150, marks=pytest.mark.ci),
        pytest.param("square19", 2, 500, marks=pytest.mark.slow),
        pytest.param("hexagonal", 2, 700, marks=pytest.mark.slow),
    ],
)
def test_rules_commute_in_every_phase(board: str, num_players: int, decisions: int):
    env, games = rr.make(board, num_players), 64
    advance = jax.jit(jax.vmap(partial(checks.play_and_judge, env)))
    restores = jax.jit(jax.vmap(partial(logits_are_restored, env)))
    drawn = set()
    states = jax.tree.map(lambda x: jnp.broadcast_to(x, (games, *x.shape)), env.init())
    key = jax.random.key(3)
    phases, regions, slides = dict.fromkeys(rr.Phase, 0), 0, 0
    for _ in range(decisions):
        key, draw = jax.random.split(key)
        after, actions, verdicts = advance(states, jax.random.split(draw, games))
        assert all(holds.all() for holds in verdicts.values()), {k: v.all() for k, v in verdicts.items()}
        chosen, restored = restores(states, actions, jax.random.split(draw, games))
        assert restored[~states.is_over].all()
        drawn |= set(chosen.tolist())
        plane = actions // env.layout.cells
        regions += int(((plane >= env.layout.regions) & (plane < env.layout.payment)).sum())
        slides += int((states.slide >= 0).sum())
        for phase in phases:
            phases[phase] += int((states.phase == phase).sum())
        states = after
    print(phases, "regions", regions, "slides", slides)
    assert all(phases.values()) and regions and slides
    assert len(drawn) == symmetry.order(env.board)


def logits_are_restored(env: rr.Env, state: rr.State, action: jax.Array, key: jax.Array):
    """A random symmetry, and whether a network that sees the image of a state can tell the logit of a legal action."""
    g = symmetry.draw(env.board, state, key)
    logits = jax.random.normal(key, (env.num_actions,))
    image = symmetry.map_action(env.board, state, action, g)
    return g, symmetry.restore_logits(env.board, logits, g)[action] == logits[image]


# Seat 1 controls nothing, and its slide makes two lines of the same length. The lines are in the order of their axes.
TWO_LONGEST_LINES = {
    ("square8", 3): (
        "1|move|17,17,18|0,0,0|0,0,0|7,7:12|2,2:1 3,4:1 3,5:1 4,3:1 5,3:1||lps=0/---/0/0",
        "R 2,2>3,3 1 @7,7",
        ["3,3 4,3 5,3", "3,3 3,4 3,5"],
    ),
    ("square19", 2): (
        "1|move|71,71|0,0|0,0|0,0:12|8,9:1 10,8:1 10,10:1 11,7:1 11,11:1 12,6:1 12,12:1||lps=0/--/0/0",
        "R 8,9>9,9 1 @0,0",
        ["9,9 10,10 11,11 12,12", "9,9 10,8 11,7 12,6"],
    ),
    ("hex8", 3): (
        "1|move|17,17,18|0,0,0|0,0,0|4,-4:12|-1,1:1 0,1:1 0,2:1 1,0:1 2,0:1||lps=0/---/0/0",
        "R -1,1>0,0 1 @4,-4",
        ["0,0 1,0 2,0", "0,0 0,1 0,2"],
    ),
    ("hexagonal", 2): (
        "1|move|95,95|0,0|0,0|-12,0:12|-1,0:1 1,-1:1 1,0:1 2,-2:1 2,0:1 3,-3:1 3,0:1||lps=0/--/0/0",
        "R -1,0>0,0 1 @-12,0",
        ["0,0 1,0 2,0 3,0", "0,0 1,-1 2,-2 3,-3"],
    ),
}


@pytest.mark.parametrize(
    ("board", "num_players"),
    [pytest.param(*c, marks=batches.marks(*c, {("hex8", 3)}, batches.SMALL)) for c in TWO_LONGEST_LINES],
)
def test_of_two_longest_lines_the_first_axis_collapses(board: str, num_players: int):
    """The documented exception: the image of a slide takes the line whose image lies on the first axis."""
    env = rr.make(board, num_players)
    text, move, lines = TWO_LONGEST_LINES[board, num_players]
    cells = [np.array([parse_cell(env.board, cell) for cell in line.split(" ")]) for line in lines]
    start = notation.from_state_string(env, text)
    slide, pay = map(jnp.int32, notation.actions_of(env, start, move))  # of one type with their images
    image_of = jax.jit(partial(symmetry.map_action, env.board))
    keeps_line = jax.jit(partial(symmetry.keeps_line, env.board))
    pending = env.step(start, jnp.int32(slide))
    after = env.step(pending, jnp.int32(pay))
    commuting = 0
    for g in range(symmetry.order(env.board)):
        images = [np.sort(symmetry.cell_tables(env.board)[g, line]) for line in cells]
        expected = min(images, key=lambda line: env.board.axes.index(offset(env.board, line)))
        image = env.step(symmetry.map_state(env.board, start, g), image_of(start, slide, g))
        image = env.step(image, image_of(pending, pay, g))
        np.testing.assert_array_equal(np.flatnonzero(image.ground.reshape(-1) == -1), expected)
        same = bool(checks.equal(image, symmetry.map_state(env.board, after, g)))
        assert same == np.array_equal(expected, images[0]) == bool(keeps_line(pending, g))
        commuting += same
    assert commuting == symmetry.order(env.board) // 2


def offset(board: Board, line: np.ndarray) -> tuple[int, int]:
    """From the first cell of a line to the second."""
    (x0, y0), (x1, y1) = divmod(int(line[0]), board.size), divmod(int(line[1]), board.size)
    return x1 - x0, y1 - y0
