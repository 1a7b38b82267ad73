"""Floods on a CPU, and by the kernels of a card, which Pallas interprets, against SciPy's labels."""

import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from batches import make
from scipy import ndimage

from ringrift_jax.rules.arrays import kernels
from ringrift_jax.rules.arrays.floods import first_cells, flood
from ringrift_jax.rules.arrays.grid import to_plane, to_rows

LANES = 37
"""No multiple of what a program of a kernel floods."""


def sets(board, lead: tuple[int, ...], share: float, seed: int) -> np.ndarray:
    """bool[*lead, S, S, LANES]: a share of the board's cells."""
    drawn = np.random.default_rng(seed).random((*lead, board.size, board.size, LANES)) < share
    return drawn & board.mask[..., None]


def rows(cells: np.ndarray) -> jax.Array:
    return to_rows(jnp.asarray(cells))


def labelled(board, cells: np.ndarray) -> np.ndarray:
    """int[S, S]: the components of a set, numbered in cell order."""
    structure = np.zeros((3, 3), bool)
    structure[1, 1] = True
    for dx, dy in board.territory_offsets:
        structure[1 + dx, 1 + dy] = True
    labels = np.zeros(cells.shape, np.int32)
    ndimage.label(cells, structure, output=labels)
    return labels


def each(cells: np.ndarray):
    """The sets one by one, and where each is."""
    for place in np.ndindex(*cells.shape[:-3], cells.shape[-1]):
        yield (*place[:-1], slice(None), slice(None), place[-1])


@pytest.fixture(params=["passes", "kernels"])
def ways(request):
    if request.param == "passes":
        return flood, first_cells

    def by_kernel(open_, seeds, offsets):
        shape = jnp.broadcast_shapes(open_.shape, seeds.shape)
        return kernels.flood(open_, jnp.broadcast_to(seeds, shape), offsets=offsets, interpret=True)

    return by_kernel, lambda cells, offsets: kernels.first_cells(cells, offsets=offsets, interpret=True)


@pytest.mark.parametrize("name", ["square8", "hex8"])
def test_a_flood_fills_the_components_of_its_seeds(ways, name):
    board = make(name, 2).board
    open_, seeds = sets(board, (3, 1), 0.6, 0), sets(board, (1, 2), 0.05, 1)
    found = np.asarray(to_plane(ways[0](rows(open_), rows(seeds), board.territory_offsets)))
    assert found.shape[:2] == (3, 2)
    for place in each(found):
        labels = labelled(board, open_[(place[0], 0, *place[2:])])
        reached = np.unique(labels[seeds[(0, place[1], *place[2:])]])
        np.testing.assert_array_equal(found[place], np.isin(labels, reached[reached > 0]))
    assert found.any() and not (found == open_).all()


@pytest.mark.parametrize("name", ["square8", "hex8"])
def test_every_component_has_a_first_cell(ways, name):
    board = make(name, 2).board
    cells = sets(board, (2,), 0.5, 2)
    cells[0, ..., 0] = False
    found = np.asarray(to_plane(ways[1](rows(cells), board.territory_offsets)))
    for place in each(found):
        labels = labelled(board, cells[place]).reshape(-1)
        numbers, first = np.unique(labels, return_index=True)
        np.testing.assert_array_equal(np.flatnonzero(found[place]), np.sort(first[numbers > 0]))


@pytest.mark.parametrize("name", ["square19", "hexagonal"])
def test_a_flood_follows_the_longest_way(ways, name):
    """A corridor that turns at every border of the board."""
    board = make(name, 2).board
    snake = np.zeros((board.size, board.size, LANES), bool)
    for row in range(board.size):
        columns = np.flatnonzero(board.mask[row])
        if row % 2 == 0:
            snake[row, columns] = True
        else:
            below = np.intersect1d(columns, np.flatnonzero(board.mask[(row + 1) % board.size]))
            snake[row, below[-1] if row % 4 == 1 else below[0]] = True
    snake[..., 1:] &= sets(board, (), 0.97, 3)[..., 1:]
    seeds = np.zeros_like(snake)
    seeds[0, np.flatnonzero(board.mask[0])[0]] = True
    found = np.asarray(to_plane(ways[0](rows(snake), rows(seeds), board.territory_offsets)))
    for place in each(found):
        labels = labelled(board, snake[place])
        reached = labels[seeds[place]] if snake[place][seeds[place]].all() else -1
        np.testing.assert_array_equal(found[place], labels == reached)


PROGRAM = """
import jax
import ringrift_jax as rr
from experiments.measure import cards

env = rr.make("square8")
with cards.as_target("NVIDIA H100 80GB HBM3"):
    traced = jax.jit(jax.vmap(env.legal_action_mask, axis_size=2, in_axes=None)).trace(env.init())
    program = traced.lower(lowering_platforms=("cuda",)).as_text()
print(program.count("triton"), program.count("stablehlo.while"))
"""


@pytest.mark.parametrize(("wanted", "kernels_and_loops"), [("1", (3, 0)), ("0", (0, 3))])
def test_a_card_floods_by_kernels_unless_told_otherwise(wanted, kernels_and_loops):
    settings = os.environ | {"RINGRIFT_KERNELS": wanted, "JAX_PLATFORMS": "cpu"}
    ran = subprocess.run([sys.executable, "-c", PROGRAM], env=settings, capture_output=True, text=True, check=True)
    assert tuple(map(int, ran.stdout.split())) == kernels_and_loops
