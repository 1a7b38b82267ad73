"""Self-play writes what was played: replaying the rows of the ring gives the games and outcomes it claims."""

from collections import defaultdict

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toy_game import ToyGame

from ringrift_jax.learning.learner import LearnerConfig, relative_outcome
from ringrift_jax.learning.loop import LoopConfig, new_loop, play
from ringrift_jax.learning.ring import Status
from ringrift_jax.learning.selfplay import SelfPlayConfig
from ringrift_jax.players.agents import make_evaluate
from ringrift_jax.players.arena import ArenaConfig
from ringrift_jax.search.config import SearchConfig
from ringrift_jax.search.network import NetworkConfig
from ringrift_jax.search.ply import no_memory, play_ply

LANES, CHUNK, CHUNKS = 4, 3, 8
CONFIG = LoopConfig(
    network=NetworkConfig(channels=4, blocks=1),
    search=SearchConfig(simulations=4, considered=3),
    self_play=SelfPlayConfig(lanes=LANES, chunk=CHUNK, opening=2),
    learner=LearnerConfig(replay_blocks=CHUNK * CHUNKS),
    arena=ArenaConfig(groups=2, opening=1),
)
GAMES = {"pie rule": ToyGame(heap=14, swap_rule=True), "three players": ToyGame(3, heap=14)}


@pytest.fixture(scope="module", params=GAMES, ids=str)
def chunks(request):
    """The environment and the ring after each of several chunks, which games of about eight decisions straddle."""
    env = GAMES[request.param]
    evaluate = make_evaluate(env, CONFIG.network)
    state = new_loop(env, CONFIG, jax.random.key(1))
    step = jax.jit(lambda state, key: play(env, evaluate, CONFIG, state, jax.random.split(key)))
    rings, stats = [], []
    for chunk in range(CHUNKS):
        games, replay, stat = step(state, jax.random.key(chunk))
        state = type(state)(**{**vars(state), "games": games, "replay": replay})
        rings.append(jax.device_get(replay))
        stats.append(jax.device_get(stat))
    return env, rings, stats


def rows_of_games(replay, plies):
    """``(lane, game) -> [(ply, status, outcome)]`` of the first plies, in order."""
    games = defaultdict(list)
    for lane in range(LANES):
        for ply in range(plies):
            games[lane, int(replay.game[ply, lane])].append(
                (ply, Status(replay.status[ply, lane]), replay.outcome[ply, lane].tolist())
            )
    return games


def state_at(replay, ply, lane):
    return jax.tree.map(lambda leaf: leaf[ply, lane], replay.rows.state)


def test_every_row_is_a_position_of_its_game_and_has_the_true_outcome(chunks):
    env, rings, _ = chunks
    replay = rings[-1]
    finished = straddling = 0
    for (lane, _), rows in rows_of_games(replay, CHUNK * CHUNKS).items():
        plies = [ply for ply, _, _ in rows]
        assert plies == list(range(plies[0], plies[-1] + 1))
        # The action of each row leads to the next.
        for at, following in zip(plies, plies[1:], strict=False):
            after = jax.tree.leaves(env.step(state_at(replay, at, lane), replay.rows.action[at, lane]))
            wanted = jax.tree.leaves(state_at(replay, following, lane))
            for a, b in zip(after, wanted, strict=True):
                np.testing.assert_array_equal(a, b)
        statuses = {status for _, status, _ in rows}
        if plies[-1] + 1 == CHUNK * CHUNKS:
            continue  # the lane has not begun another game
        assert statuses == {Status.COMPLETE}
        end = env.step(state_at(replay, plies[-1], lane), replay.rows.action[plies[-1], lane])
        assert end.is_over
        assert {tuple(outcome) for _, _, outcome in rows} == {tuple(end.rewards.tolist())}
        assert (replay.ended[plies, lane] == 1).all()
        finished += 1
        straddling += plies[0] // CHUNK < plies[-1] // CHUNK
    assert finished > LANES
    assert straddling > 2


def test_rows_of_running_games_are_pending_until_a_later_chunk(chunks):
    _, rings, _ = chunks
    completed_later = 0
    for number, (before, after) in enumerate(zip(rings, rings[1:], strict=False), start=1):
        written = slice(0, number * CHUNK)
        # What is written stays as it is; the only change is from pending to complete.
        np.testing.assert_array_equal(before.game[written], after.game[written])
        np.testing.assert_array_equal(before.rows.slot_actions[written], after.rows.slot_actions[written])
        was, now = before.status[written], after.status[written]
        assert set(was.ravel()) <= {Status.PENDING, Status.COMPLETE}
        assert (now[was == Status.COMPLETE] == Status.COMPLETE).all()
        np.testing.assert_array_equal(before.outcome[written][was == Status.COMPLETE], after.outcome[written][was == 2])
        completed_later += int(((was == Status.PENDING) & (now == Status.COMPLETE)).sum())
        assert (before.outcome[written][was == Status.PENDING] == 0).all()
        assert (before.status[number * CHUNK :] == Status.EMPTY).all()
    assert completed_later > 0


def test_counts_agree_with_the_ring(chunks):
    _, rings, stats = chunks
    assert sum(int(s.games) for s in stats) == int(
        sum(game + (1 if lane_done else 0) for game, lane_done in _last_games(rings[-1]))
    )
    complete = rings[-1].status == Status.COMPLETE
    assert sum(int(s.decisions) for s in stats) == int(complete.sum())
    lengths = np.unique(np.stack([np.nonzero(complete)[1], rings[-1].game[complete]]), axis=1, return_counts=True)[1]
    assert min(int(s.shortest) for s in stats) == lengths.min()
    assert max(int(s.longest) for s in stats) == lengths.max()
    assert sum(s.wins.sum() for s in stats) == sum(int(s.games) for s in stats)
    assert all(int(s.truncated) == int(s.not_finite) == 0 for s in stats)
    assert all(1 <= s.mean_depth <= s.max_depth for s in stats)


def _last_games(replay):
    """Number of each lane's last game and whether it has ended."""
    return [(int(replay.game[-1, lane]), replay.status[-1, lane] == Status.COMPLETE) for lane in range(LANES)]


def test_value_targets_follow_players_across_a_swap():
    env = ToyGame(heap=9, swap_rule=True)
    outcome = jnp.array([1.0, -1.0])  # player 0 wins
    start = env.init()
    second = env.step(start, 3)  # player 0 took 4 tokens; player 1 decides for seat 1
    assert relative_outcome(start, outcome).tolist() == [1.0, -1.0]
    assert relative_outcome(second, outcome).tolist() == [-1.0, 1.0]
    swapped = env.step(second, 5)  # player 0 now owns seat 1, and decides
    assert int(swapped.current_seat) == 1
    assert int(swapped.current_player) == 0
    assert relative_outcome(swapped, outcome).tolist() == [1.0, -1.0]


def test_value_targets_of_three_players_start_with_the_mover():
    env = ToyGame(num_players=3, heap=9)
    outcome = jnp.array([1.0, -0.5, -0.25])
    state = env.step(env.init(), 3)
    assert relative_outcome(state, outcome).tolist() == [-0.5, -0.25, 1.0]


def test_a_ply_is_the_searched_action_and_an_opening_draws_among_the_visited():
    env = ToyGame(heap=9)
    params = new_loop(env, CONFIG, jax.random.key(0)).champion
    evaluate = make_evaluate(env, CONFIG.network)
    games = 64
    states = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (games, *leaf.shape)), env.init())
    keys = jax.random.split(jax.random.key(2), games)
    noise, memory = jnp.ones(games), no_memory(CONFIG.search, games)
    ply = jax.jit(lambda opening: play_ply(env, evaluate, CONFIG.search, params, states, keys, opening, noise, memory))

    after, found, _ = ply(jnp.zeros(games, bool))
    expected = jax.vmap(env.step)(states, found.action)
    for got, wanted in zip(jax.tree.leaves(after), jax.tree.leaves(expected), strict=True):
        np.testing.assert_array_equal(got, wanted)

    drawn, found, _ = ply(jnp.ones(games, bool))
    taken = 9 - drawn.heap
    assert ((taken >= 1) & (taken <= 4)).all()
    np.testing.assert_array_equal(taken, found.action + 1)
    assert (taken != 9 - after.heap).any()
