"""The evaluation command: who plays whom, what is counted, written and drawn, and what is refused."""

import json
import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from positions import built_positions
from toy_game import ToyGame

from experiments import evaluate
from ringrift_jax import boards, make, reference
from ringrift_jax.learning.config import RunConfig
from ringrift_jax.learning.loop import LoopConfig
from ringrift_jax.notation import state_string
from ringrift_jax.players.agents import random_agent
from ringrift_jax.players.arena import Match
from ringrift_jax.players.ratings import Result
from ringrift_jax.runs import matches, record_files, records
from ringrift_jax.runs.checkpoints import save_champion
from ringrift_jax.runs.directory import RunDirectory
from ringrift_jax.runs.matches import ALONE, RANDOM, Matches, Outcome, Player, Style, champion, named
from ringrift_jax.runs.puzzle_files import read_puzzles
from ringrift_jax.runs.puzzles import find_puzzles
from ringrift_jax.search.config import SearchConfig
from ringrift_jax.search.network import NetworkConfig, make_network

FOUR = Style("network", simulations=4)
LOOP = LoopConfig(network=NetworkConfig(channels=4, blocks=1), search=SearchConfig(simulations=2, considered=2))
LINE = re.compile(
    r"(.+) against (.+): wins ([\d.]+)% \(95% interval (\S+)% to (\S+)%\), (\d+)% of the games distinct, "
    r"\d+ decisions each, \d+ s"
)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run directory with an untrained network and two champions."""
    env = ToyGame(heap=6)
    monkeypatch.setattr(RunConfig, "make_env", lambda self: env)
    config = RunConfig("square8", loop=LOOP)
    directory = RunDirectory(tmp_path)
    directory.open(config)
    for version in (0, 2, 3):
        params = make_network(env, LOOP.network).init(jax.random.key(version), jnp.zeros((1, *env.observation_shape)))
        save_champion(directory.champions, version, config, params)
    for iteration in range(1, 7):
        promoted = iteration % 2 == 0
        directory.append_metrics(
            {"iteration": iteration, "seconds": 30, "games": 5, "promoted": promoted, "champion": iteration // 2}
        )
    return tmp_path


def found(capsys):
    first, *lines = capsys.readouterr().out.splitlines()
    assert first.startswith("square8, 2 players: 10 games a match")
    return [match.groups() for match in map(LINE.fullmatch, lines) if match]


def test_the_latest_champion_plays_alone_and_with_search(run, capsys):
    evaluate.main(
        [str(run), "--games", "9", "--opening", "1", "--simulations", "0", "2", "--against", "random", "champion:0"]
    )
    lines = found(capsys)
    assert [groups[:2] for groups in lines] == [
        ("champion 3 alone", "random"),
        ("champion 3 alone", "champion 0 alone"),
        ("champion 3, 2 simulations", "random"),
        ("champion 3, 2 simulations", "champion 0, 2 simulations"),
    ]
    for *_, share, low, high, distinct in lines:
        assert 0 <= float(low) <= float(share) <= float(high) <= 100
        assert float(share) % 10 == 0
        assert 0 < int(distinct) <= 100


def test_a_champion_plays_itself_with_fewer_simulations(run, capsys):
    evaluate.main([str(run), "--games", "9", "--opening", "1", "--simulations", "0", "2", "--against", "itself:0"])
    assert [groups[:2] for groups in found(capsys)] == [("champion 3, 2 simulations", "champion 3 alone")]


def test_results_are_written_after_each_match(run, monkeypatch, tmp_path, capsys):
    """So who ends a long evaluation keeps the matches that were over, and their ratings."""
    path, play = tmp_path / "found.json", Matches.play

    def interrupted(self, player, opponent, watch):
        if opponent != RANDOM:
            raise KeyboardInterrupt
        return play(self, player, opponent, watch)

    monkeypatch.setattr(Matches, "play", interrupted)
    with pytest.raises(SystemExit):
        evaluate.main(
            [str(run), "--games", "10", "--simulations", "0", "--against", "random", "champion:0", "--json", str(path)]
        )
    assert "interrupted" in capsys.readouterr().err
    report = json.loads(path.read_text())
    assert [match["opponent"] for match in report["matches"]] == ["random"]
    assert list(report["elo"]) == ["champion 3 alone", "random"]


def test_a_match_says_how_far_it_is(run):
    seen = []
    outcome = Matches(RunConfig("square8", loop=LOOP), run / "champions", 8, 1, 0).play(
        champion(3), RANDOM, lambda over, won: seen.append((over, won))
    )
    assert seen == sorted(seen) and seen[0][0] < 8 and len(set(seen)) > 2
    assert seen[-1] == (8, outcome.wins)


def test_a_ladder_rates_every_champion_and_draws_their_ratings(run, capsys):
    report = run / "report.json"
    evaluate.main(
        [str(run), "--games", "9", "--simulations", "0", "--ladder", "--against", "random", "--json", str(report)]
    )
    names = ["champion 0 alone", "champion 2 alone", "champion 3 alone"]
    assert [groups[0] for groups in found(capsys)] == names
    written = json.loads(report.read_text())
    assert [match["player"] for match in written["matches"]] == names
    assert set(written["elo"]) == {"random", *names}
    assert written["elo"]["random"] == [0, 0]
    assert json.loads((run / "ladder.json").read_text()) == written
    picture = (run / "ladder.svg").read_text()
    assert "champion alone" in picture and "minutes of training" in picture


@pytest.mark.parametrize(
    ("asked", "opponents"),
    [
        ([], ["random", "tactician:heuristic"]),
        (["--ladder"], ["random", "heuristic", "tactician:random", "tactician:heuristic"]),
        (["--ladder", "--against", "heuristic"], ["heuristic"]),
    ],
)
def test_who_is_played_unless_somebody_is_named(run, monkeypatch, asked, opponents):
    played = []

    def play(_, player, opponent, watch):
        played.append((player.name, opponent.name))
        return Outcome(
            player.name, opponent.name, 2, 1, 1, 1.0, 9.0, (1, 0), (Result(player.name, opponent.name, 1, 1, 0),)
        )

    monkeypatch.setattr(Matches, "play", play)
    monkeypatch.setattr(Matches, "won_at_once", np.array([True, False, False, False]))
    evaluate.main([str(run), "--simulations", "2", *asked])
    assert list(dict.fromkeys(name for who, name in played if who.startswith("champion"))) == opponents


def test_a_picture_is_drawn_alike_each_time(run):
    from ringrift_jax.players.ratings import Result, fit
    from ringrift_jax.runs.plots import ladder

    ratings = fit([Result("champion 3 alone", "random", 3, 1), Result("champion 0 alone", "random", 1, 1)])
    first = ladder(RunDirectory(run), ratings, [ALONE]).read_text()
    assert ladder(RunDirectory(run), ratings, [ALONE]).read_text() == first


def test_versions_are_dated_by_the_metrics(run):
    from ringrift_jax.runs.plots import promotions

    assert promotions(RunDirectory(run)) == {0: (0, 0, 0), 1: (1.0, 10, 2), 2: (2.0, 20, 4), 3: (3.0, 30, 6)}


def test_wins_are_counted_from_the_challengers_view(run, monkeypatch):
    env = ToyGame(heap=6)
    ended = jax.vmap(lambda take: env.step(env.init().replace(heap=jnp.int32(2)), take))(jnp.array([1, 1, 1, 1]))
    # Seat 0 wins all four games, and the challenger sits there in games 0 and 2.
    match = Match(ended, jnp.array([1.0, -1.0, 1.0, -1.0]), jnp.array([1, 1, 3, 4]))
    monkeypatch.setattr(Matches, "_play", lambda *_: match)
    outcome = Matches(RunConfig("square8", loop=LOOP), run / "champions", 4, 0, 0).play(champion(2), named("random"))
    assert (outcome.games, outcome.wins, outcome.losses, outcome.wins_by_seat) == (4, 2, 2, (2, 0))
    assert [(r.first, r.wins, r.group) for r in outcome.results] == [
        ("champion 2 alone", 1, 0),
        ("random", 1, 0),
        ("champion 2 alone", 1, 1),
        ("random", 1, 1),
    ]
    assert outcome.distinct == 0.75
    assert outcome.length == 2.25


def test_games_are_contested_unless_the_player_to_move_can_win_at_once(run, monkeypatch):
    env = ToyGame(heap=6)
    ended = jax.vmap(lambda take: env.step(env.init().replace(heap=jnp.int32(2)), take))(jnp.array([1, 1, 1, 1, 1, 1]))
    match = Match(ended, jnp.array([1.0, -1.0, 1.0, 1.0, -1.0, -1.0]), jnp.ones(6, jnp.int32))
    monkeypatch.setattr(Matches, "_play", lambda *_: match)
    monkeypatch.setattr(Matches, "won_at_once", np.array([True, False, False]))
    played = Matches(RunConfig("square8", loop=LOOP), run / "champions", 6, 0, 0)
    outcome = played.play(champion(2), named("tactician:champion:3"))
    assert (outcome.games, outcome.wins, outcome.contested_games, outcome.contested_wins) == (6, 3, 4, 2)
    assert evaluate.describe(outcome).endswith("1 decisions each; of 4 contested 50.0% (15.0% to 85.0%)")
    blind = played.play(champion(2), named("random"))
    assert not blind.contested_games and evaluate.describe(blind).endswith("1 decisions each")


@pytest.mark.parametrize("players", [2, pytest.param(3, marks=pytest.mark.ci)])
def test_records_of_a_match_are_its_games(tmp_path, players, capsys):
    """The reference plays them, in pairs and threes from one opening, and the winners are those of the report."""
    path, report = tmp_path / "games.jsonl.gz", tmp_path / "report.json"
    evaluate.main(
        ["random", "--board", "square8", "--players", str(players), "--against", "heuristic", "--games", "6"]
        + ["--opening", "3", "--record", str(path), "--json", str(report)]
    )
    games = list(record_files.read(path))
    assert [game["id"] for game in games] == [f"match-1-{number}" for number in range(1, len(games) + 1)]
    for record in games:
        records.verify(record)
    for group in range(0, len(games), players):
        openings = [[step["m"] for step in game["steps"]][:3] for game in games[group : group + players]]
        assert all(opening == openings[0] for opening in openings)
        for seat, game in enumerate(games[group : group + players]):
            assert [name == "random" for name in game["models"]] == [one == seat for one in range(players)]
    (match,) = json.loads(report.read_text())["matches"]
    won = [game["result"]["winner"] - 1 for game in games if game["models"][game["result"]["winner"] - 1] == "random"]
    assert match["wins"] == len(won) and match["wins_by_seat"] == [won.count(seat) for seat in range(players)]
    assert "random against heuristic" in capsys.readouterr().out


@pytest.mark.ci
@pytest.mark.optimised
def test_openings_won_at_once_are_those_that_exhaustive_search_by_the_reference_finds():
    env = make("square8")
    played = Matches(RunConfig("square8"), None, 20, 8, 0)
    texts = [state_string(env, jax.tree.map(lambda leaf, g=g: leaf[2 * g], played._opened[0].state)) for g in range(10)]
    lines = [reference.winning_line(reference.from_state_string(env.board, text), 50_000) for text in texts]
    np.testing.assert_array_equal(played.won_at_once, [line is not None for line in lines])
    won = played.won_at_once.sum()
    assert 0 < won < 10
    outcome = played.play(named("tactician:random"), named("random"))
    assert outcome.contested_games == 20 - 2 * won
    # The one game of each such pair in which it is to move, it wins.
    assert outcome.wins - outcome.contested_wins >= won


def test_a_match_is_the_same_however_many_games_move_together(monkeypatch):
    """On a CPU few do where decisions are searched; their games are those that would be played at once."""
    styles, devices = (Style("network", simulations=16), Style("random")), jax.device_count()
    assert Matches(RunConfig("square8"), None, 400, 4, 0)._width(*styles) == 32 * devices
    large = Matches(RunConfig("hexagonal"), None, 400, 4, 0)
    assert large._width(*styles) == 8 * devices
    assert large._width(styles[0], Style("random", tactician=True)) == large._width(Style("heuristic")) == 200
    assert Matches(RunConfig("hexagonal"), None, 6, 4, 0)._width(*styles) < 8
    outcomes = []
    for width in (10, 4):
        monkeypatch.setattr(Matches, "_width", lambda *_, width=width: width)
        outcomes.append(Matches(RunConfig("square8"), None, 20, 4, 0).play(named("heuristic"), named("random")))
    assert outcomes[0] == outcomes[1] and outcomes[0].games == 20


def test_equal_styles_play_with_their_own_parameters(run):
    """The champion against itself wins every other game, since openings are shared; against another it need not."""
    own = Matches(RunConfig("square8", loop=LOOP), run / "champions", 20, 1, 0)
    assert own.play(champion(2), champion(2)).wins == 10
    there, back = own.play(champion(2), champion(3)), own.play(champion(3), champion(2))
    assert there.wins == back.losses


def test_players_by_name():
    other = champion(2, FOUR)
    assert named("random", other) == Player(Style("random"))
    assert named("champion:3", other) == champion(3, FOUR)
    assert named("itself:0", other) == champion(2)
    assert named("itself:64", other).name == "champion 2, 64 simulations"
    assert named("heuristic", other).name == "heuristic"
    assert named("heuristic:v1-heuristic-5", other).name == "heuristic v1-heuristic-5"
    assert named("tactician:random", other) == Player(Style("random", tactician=True))
    assert named("tactician:heuristic", other).name == "tactician:heuristic"
    assert named("tactician:champion:3", other).name == "tactician:champion 3, 4 simulations"
    assert named("tactician:itself:16", other).name == "tactician:champion 2, 16 simulations"
    for name in ("champion:x", "itself", "itself:-1", "heuristic:best", "heuristic:", "tactician:tactician:random"):
        with pytest.raises(
            ValueError, match=f"unknown player '{name}'; it must be random, heuristic, champion:VERSION"
        ):
            named(name, other)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--games", "0"], "--games is 0; it must be at least 1"),
        (["--simulations", "4", "-1"], "--simulations is -1; it must be at least 0"),
        (["--opening", "-1"], "--opening is -1; it must be at least 0"),
        ([], "is not a champion; a run keeps its champions in RUN/champions/VERSION"),
        (["--ladder"], "is not a run with champions, which --ladder needs"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(tmp_path, capsys, more, said):
    with pytest.raises(SystemExit) as stop:
        evaluate.main([str(tmp_path), *more])
    assert_one_line(stop, capsys, said)


def test_a_player_without_a_run_is_measured_on_the_board_that_is_named(run, monkeypatch, tmp_path, capsys):
    """The heuristic does not know the toy game, so random stands in for it."""
    monkeypatch.setattr(matches, "make_agent", lambda env, *_, **__: random_agent(env))
    monkeypatch.setattr(matches, "learned_by", lambda *_: None)
    report = tmp_path / "report.json"
    evaluate.main([
        *("heuristic", "--board", "square8", "--games", "9", "--against", "random", "heuristic:heuristic_v1_sq8_3p"),
        *("--json", str(report)),
    ])  # fmt: skip
    opponents = ["random", "heuristic heuristic_v1_sq8_3p"]
    played = [*(("heuristic", name) for name in opponents), tuple(opponents)]
    assert [groups[:2] for groups in found(capsys)] == played
    written = json.loads(report.read_text())
    assert (written["board"], written["players"]) == ("square8", 2)
    assert set(written["elo"]) == {"heuristic", *opponents}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["heuristic"], "heuristic needs --board, one of square8, square19, hex8, hexagonal"),
        (["heuristic:best", "--board", "hex8"], "unknown player 'heuristic:best'"),
        (["random", "--board", "hex8", "--ladder"], "--ladder needs a run, and random is none"),
        (["random", "--board", "hex8", "--simulations", "2"], "--simulations needs a run"),
        (["random", "--board", "hex8", "--players", "3", "--swap-rule"], "swap_rule needs 2 players, not 3"),
        (["random", "--board", "hex8", "--against", "champion:0"], "champion:0 is a champion of a run"),
        (["random", "--board", "hex8", "--against", "itself:16"], "itself:16 is a champion of a run"),
        (["random", "--board", "hex8", "--against", "random"], "random has no opponent but itself"),
        (["random", "--board", "hex8", "--json", "/nowhere/x.json"], "there is no directory /nowhere"),
        (["runs/none", "--board", "hex8"], "--board is for random and heuristic only"),
        (["runs/none", "--swap-rule"], "--swap-rule is for random and heuristic only"),
    ],
)
def test_players_without_a_run_need_a_board_and_nothing_of_a_run(capsys, monkeypatch, tmp_path, arguments, said):
    with pytest.raises(SystemExit) as stop:
        evaluate.main(arguments)
    assert_one_line(stop, capsys, said)


@pytest.mark.ci
@pytest.mark.optimised
def test_puzzles_are_counted_with_the_search_of_the_own_turn_and_without(tmp_path, capsys):
    board = boards.standard("square8", 2)
    texts = list(built_positions(board).values())
    lines = [(text, reference.winning_line(reference.from_state_string(board, text), 1000)) for text in texts[20:35]]
    puzzles = [{"board": "square8", "players": 2, "state": text, "win": line} for text, line in lines]
    puzzles.append(
        puzzles[0] | {"players": 3, "state": next(iter(built_positions(boards.standard("square8", 3)).values()))}
    )
    file, report = tmp_path / "puzzles.jsonl", tmp_path / "report.json"
    file.write_text("".join(json.dumps(puzzle) + "\n" for puzzle in puzzles))
    evaluate.main(["random", "--board", "square8", "--puzzles", str(file), "--json", str(report)])
    count = sum(line is not None for _, line in lines)
    assert count > 3
    plain, plain_defence, tactician, defence = json.loads(report.read_text())["puzzles"]
    assert plain["player"] == "random" and plain["puzzles"] == tactician["puzzles"] == count
    assert plain["what"] == tactician["what"] == "wins"
    assert plain_defence["what"] == defence["what"] == "leaves no win" and defence["puzzles"] > 3
    # The search of the own turn finds no win, so the random player is what it was.
    assert plain_defence["solved"] == defence["solved"] < defence["puzzles"]
    assert tactician["player"] == "tactician:random" and plain["solved"] < tactician["solved"] == count
    out = capsys.readouterr().out
    assert f"square8, 2 players: {count} positions that can be won" in out
    assert f"tactician:random wins in {count} of {count}, 100.0%" in out
    assert f"in {defence['puzzles']} of {len(lines) - count} positions without a win some turn is known" in out


@pytest.mark.ci
def test_recorded_games_have_the_puzzles_that_exhaustive_search_by_the_reference_finds():
    path = Path(__file__).parents[2] / "docs" / "game.jsonl.gz"
    (game,) = record_files.read(path)
    steps, board = game["steps"], boards.standard("square8", 2)
    places = [game["s0"], *(step["s"] for step in steps)]
    starts = [places[i] for i, step in enumerate(steps) if i == 0 or step["p"] != steps[i - 1]["p"]]
    positions = {text: reference.from_state_string(board, text) for text in starts}
    expected = [text for text, pos in positions.items() if reference.winning_line(pos, 10_000)]
    puzzles = find_puzzles(make("square8"), [game], batch=8)  # more than one batch, and the last one is not full
    assert [puzzle.state for puzzle in puzzles] == expected and len(starts) > 8 > len(expected) > 1
    for puzzle in puzzles:
        pos = positions[puzzle.state]
        seat = pos.seat
        for move in puzzle.win or ():
            pos = reference.play(reference.settle(pos), move)
        assert pos.winner == seat


def test_reading_puzzles_starts_no_backend(tmp_path, monkeypatch):
    """Whether there is one is told afterwards, in one line."""
    monkeypatch.setattr(jax, "device_put", lambda *_: pytest.fail("a backend is started"))
    file = tmp_path / "puzzles.jsonl"
    start = reference.state_string(reference.new_game(boards.standard("hex8", 2)))
    file.write_text(json.dumps({"board": "hex8", "players": 2, "state": start, "win": ["P 0,0 1"]}) + "\n")
    (puzzle,) = read_puzzles(file)
    assert puzzle.state == start and puzzle.win == ("P 0,0 1",)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 2, is no puzzle: Input data was truncated"),
        (
            '{"board": "chess", "players": 2, "state": "", "win": null}',
            "line 2, is no puzzle: board is 'chess'; boards are",
        ),
        ('{"board": "hex8", "players": 2, "state": "x", "win": null}', "line 2, is no puzzle: "),
    ],
)
def test_a_file_that_is_none_of_puzzles_is_refused(tmp_path, capsys, line, said):
    file = tmp_path / "puzzles.jsonl"
    start = reference.state_string(reference.new_game(boards.standard("hex8", 2)))
    file.write_text(f'{{"board": "hex8", "players": 2, "state": "{start}", "win": null}}\n{line}\n')
    with pytest.raises(SystemExit) as stop:
        evaluate.main(["random", "--board", "hex8", "--puzzles", str(file)])
    assert_one_line(stop, capsys, said)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--against", "me"], "unknown player 'me'; it must be random, heuristic"),
        (["--against", "champion:9"], "is not a champion"),
        (["--against", "champion:3"], "champion 3 has no opponent but itself"),
    ],
)
def test_opponents_that_do_not_exist_are_refused(run, capsys, more, said):
    with pytest.raises(SystemExit) as stop:
        evaluate.main([str(run), *more])
    assert_one_line(stop, capsys, said)


def assert_one_line(stop, capsys, said):
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert said in error
