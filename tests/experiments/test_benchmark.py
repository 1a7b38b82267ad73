"""The benchmark on a toy subject, and its command line."""

import json
from dataclasses import asdict
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest
import tyro
from rich.console import Console
from toy_game import ToyGame

from experiments import train
from experiments.benchmark import main
from experiments.command_line import BoardName
from experiments.measure import common, everything, rules, search, timing, turns
from ringrift_jax import boards
from ringrift_jax.devices import make_mesh
from ringrift_jax.learning.loop import LoopConfig
from ringrift_jax.search.config import SearchConfig


def countdown(name: str) -> rules.Subject:
    """A game of three decisions; its state is how many are left, and four legal actions."""
    return rules.Subject(
        name=name,
        init=lambda key: {"left": jnp.int32(3), "legal_action_mask": jnp.ones(4, bool)},
        step=lambda state, action: state | {"left": state["left"] - 1},
        mask=lambda state: state["legal_action_mask"],
        observe=None,
        over=lambda state: state["left"] == 0,
    )


def test_rows_of_a_toy_game():
    subjects = [countdown("ours"), countdown("pgx chess")]
    rows = rules.measure(subjects, batch=8, steps=6, repeats=2, console=Console(quiet=True))
    assert [row.game for row in rows] == ["ours", "pgx chess"]
    first, chess = rows
    assert first.decisions_per_pgx_chess_step == pytest.approx(chess.decision_us / first.decision_us)
    assert chess.decisions_per_pgx_chess_step == pytest.approx(1)
    for row in rows:
        assert row.games_per_second == pytest.approx(row.decisions_per_second / 3)
        assert row.state_bytes == 8 and row.jaxpr_lines >= 1 and row.observe_us is None
        for value in (row.decision_us, row.step_us, row.mask_us, row.sample_us, row.compile_cold_seconds):
            assert value is not None and value > 0
    assert rules.table(rows).row_count == 2
    json.dumps([asdict(row) for row in rows])


def test_tasks_run_in_turn_and_the_first_round_does_not_count():
    order = []
    seconds = timing.in_turn({name: lambda name=name: order.append(name) for name in "ab"}, repeats=3)
    assert order == list("ab" * 4) and set(seconds) == {"a", "b"}


def test_the_second_compilation_is_a_look_up():
    events = []
    folder = "jax_compilation_cache_dir"
    before = getattr(jax.config, folder)

    def note(event: str, **_):
        events.append(event.rpartition("/")[2])

    jax.monitoring.register_event_listener(note)
    try:
        with timing.empty_compilation_cache():
            first, second = ((timing.compile_seconds(jnp.sort, jnp.ones(4)), events.copy()) for _ in range(2))
    finally:
        jax.monitoring.unregister_event_listener(note)
    assert first[0] > 0 and second[0] > 0
    assert "cache_hits" not in first[1] and "cache_hits" in second[1]
    assert getattr(jax.config, folder) == before


@pytest.mark.parametrize(
    ("arguments", "message"), [(["--boards", "chess"], "unknown board"), (["--players", "5"], "2 to 4")]
)
def test_bad_input_is_one_line(arguments: list[str], message: str, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["env", *arguments])
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


@pytest.fixture
def toy(monkeypatch, tmp_path):
    """A small game in place of the boards."""
    monkeypatch.setattr("ringrift_jax.make", lambda board, players: ToyGame(players))


SMALL = [
    *("square8", "--preset", "tiny", "--repeats", "2", "--network.channels", "4", "--search.simulations", "3"),
    *("--search.considered", "2", "--self-play.chunk", "8"),
]


def report_of(command: str, tmp_path: Path, *more: str):
    file = tmp_path / "report.json"
    main([command, *SMALL, *more, "--json", str(file)])
    report = json.loads(file.read_text())
    assert report["command"].startswith(f"python -m experiments.benchmark {command} square8 --preset tiny")
    assert report["jax"] == jax.__version__ and report["devices"] == 2
    assert report["settings"]["search"]["simulations"] == 3 and report["settings"]["network"]["channels"] == 4
    return report["rows"]


def test_search_of_a_toy_game(toy, tmp_path: Path, capsys):
    (row,) = report_of("search", tmp_path, "--lanes", "4")
    assert (row["lanes"], row["devices"]) == (4, 2)
    assert row["fastest"] <= row["seconds"] <= row["slowest"]
    assert row["searches_per_second"] == pytest.approx(4 / row["seconds"])
    assert row["simulations_per_second"] == pytest.approx(3 * row["searches_per_second"])
    assert row["evaluations_per_second"] == pytest.approx(4 * row["searches_per_second"])
    assert row["of_bound"] == pytest.approx(row["evaluations_per_second"] / row["network_alone_per_second"])
    assert row["of_bound"] + row["rules"] + row["tree"] + row["rest"] == pytest.approx(1)
    assert row["flop"] > 1000 and 0 < row["of_peak"] < 1
    assert min(row["of_bound"], row["rules"], row["tree"]) > 0 and 1 <= row["mean_depth"] <= 3
    assert "of the bound" in capsys.readouterr().out


def test_every_number_of_lanes_has_a_row(toy, tmp_path: Path, monkeypatch):
    medians = {"search": 2.0, "network": 1.0, "rules": 0.5, "tree": 0.25, "products": 4.0}
    monkeypatch.setattr(
        search,
        "measure",
        lambda env, loop, lanes, repeats: search.make_row(lanes, 2, 3, [1.0, 2.0, 4.0], medians, 1e8, 1.5),
    )
    assert [row["lanes"] for row in report_of("search", tmp_path, "--lanes", "4", "5")] == [4, 5]
    (row,) = report_of("search", tmp_path)
    assert row["lanes"] == 16  # the preset's
    assert [row[part] for part in ("of_bound", "rules", "tree", "rest")] == [0.5, 0.25, 0.125, 0.125]
    assert row["of_peak"] == pytest.approx(16 * 4 * 1e8 / (2 * 10 * 2 * 1024**3 / 4.0))


def test_the_rules_alone_play_the_actions_they_are_given():
    env, mesh = ToyGame(heap=9), make_mesh(4)
    rules_alone = search.rules_alone(env, mesh)
    states, masks, seen, actions = search.random_positions(env, rules_alone, mesh, lanes=4, decisions=3)
    assert not states.is_over.any()
    for got, function in ((masks, env.legal_action_mask), (seen, env.observe)):
        assert (got == jax.vmap(function)(states)).all()
    expected = states
    for action in actions.T:
        expected = jax.vmap(env.step)(expected, action)
    after, masks, _ = rules_alone(3, states, actions)
    assert (after.heap == expected.heap).all() and (after.heap < states.heap).any()
    assert (masks == jax.vmap(env.legal_action_mask)(expected)).all()


def test_the_network_alone_evaluates_as_often_as_a_search(monkeypatch):
    def count(params, seen):
        return jnp.ones((len(seen), 6)), seen[:, 0, 0, :2] + params

    monkeypatch.setattr(common, "make_evaluate", lambda env, config: count)
    env, loop = ToyGame(), LoopConfig(search=SearchConfig(simulations=3))
    network = common.network_alone(env, loop, make_mesh(4))
    _, logits, values = network(jnp.float32(1), jnp.zeros((4, *env.observation_shape)))
    assert (values[:, 0] == 4).all()
    assert (logits == 1).all()


@pytest.mark.ci
def test_self_play_of_a_toy_game(toy, tmp_path: Path):
    (row,) = report_of("selfplay", tmp_path)
    assert (row["lanes"], row["devices"], row["chunk"]) == (16, 2, 8)
    assert row["games"] >= 16 and 2 < row["mean_length"] < 9
    assert row["games_per_second"] == pytest.approx(row["decisions_per_second"] / row["mean_length"])
    assert row["decisions_per_second"] == pytest.approx(16 * 8 / row["seconds"])
    assert row["of_bound"] == pytest.approx(row["evaluations_per_second"] / row["network_alone_per_second"])
    assert row["evaluations_per_second"] == pytest.approx(4 * row["decisions_per_second"])


@pytest.mark.slow
def test_turns_of_a_random_player(tmp_path: Path, capsys):
    file = tmp_path / "rows.json"
    options = ["--board", "square8", "--batch", "16", "--nodes", "10", "20000", "--repeats", "2", "--reference", "4"]
    main(["turns", "random", *options, "--json", str(file)])
    report = json.loads(file.read_text())
    few, many = report["rows"]
    assert report["game"] == "square8-2p" and report["batch"] == 16
    assert few["nodes"] == 10 and few["tried"] <= 10 and few["exact"] < 1
    assert many["exact"] > few["exact"] and many["tried"] > few["tried"] and many["won"] >= few["won"]
    assert 0 < many["fastest"] <= many["milliseconds"] <= many["slowest"]
    assert report["exhaustive"]["positions"] == 4 and report["exhaustive"]["wrong"] == 0
    assert "4 positions, 0 other answers" in capsys.readouterr().out


def test_all_writes_what_was_measured_before_something_fails(tmp_path: Path, monkeypatch, capsys):
    """The first command succeeds, the second fails, the third is stopped when the time is over, the fourth is left."""
    file, marked = tmp_path / "all.json", tmp_path / "experiments"
    marked.mkdir()
    (marked / "__init__.py").touch()
    (marked / "benchmark.py").write_text(
        "import json, pathlib, sys, time\n"
        "print('says', sys.argv[1], flush=True)\n"
        "if sys.argv[1] == 'search': sys.exit('too little memory')\n"
        "if sys.argv[1] == 'turns': time.sleep(60)\n"
        "pathlib.Path(sys.argv[-1]).write_text(json.dumps({'rows': [sys.argv[1]]}))\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        everything, "commands", lambda args: [["benchmark", name] for name in ("selfplay", "search", "turns", "env")]
    )
    main(["all", "--minutes", "0.1", "--json", str(file)])
    report = json.loads(file.read_text())
    first, second, third = report["measured"]
    assert first["report"] == {"rows": ["selfplay"]} and first["output"] == "says selfplay\n"
    assert second["ended"] == "failed with exit code 1" and "too little memory" in second["output"]
    assert third["ended"].startswith("stopped") and third["output"] == "says turns\n" and third["seconds"] < 10
    assert report["left"] == [["benchmark", "env"]]
    said = capsys.readouterr().out
    assert "1 of 4 measured in 0.1 min\nfailed with exit code 1: python -m experiments.benchmark search" in said


@pytest.mark.parametrize("board", boards.BOARD_NAMES)
def test_all_measures_with_options_that_there_are(board: BoardName):
    steps = list(everything.commands(everything.Args(board=board)))
    assert len(steps) == 8 and steps[0][:3] == ["benchmark", "selfplay", board]
    for words in steps:
        if words[0] == "train":
            assert tyro.cli(train.Args, args=words[1:]).dry_run
        else:
            kind = {"selfplay": common.Args, "search": search.Args, "turns": turns.Args, "env": rules.Args}[words[1]]
            tyro.cli(kind, args=words[2:])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["speed"], "unknown benchmark 'speed'; choose one of env, search, selfplay, turns, all, compile"),
        ([], "unknown benchmark ''"),
        (["env", "--batch", "0"], "--batch is 0; it must be at least 1"),
        (["env", "--json", "/nowhere/x.json"], "there is no directory /nowhere"),
        (["search", "square8", "--lanes", "4", "0"], "--lanes is 0; it must be at least 1"),
        (["search", "square8", "--repeats", "0"], "--repeats is 0; it must be at least 1"),
        (["search", "chess"], "square19"),
        (["all", "--minutes", "0"], "--minutes is 0"),
        (["selfplay", "square8", "--search.simulation", "3"], "settings have the names of the preset's"),
    ],
)
def test_bad_arguments_are_one_line(arguments: list[str], message: str, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


@pytest.mark.slow
def test_one_real_row(tmp_path: Path):
    file = tmp_path / "rows.json"
    options = ["--boards", "square8", "--players", "2", "--batch", "16", "--repeats", "2", "--json", str(file)]
    main(["env", *options, "--no-pgx"])
    (row,) = json.loads(file.read_text())["rows"]
    assert row["game"] == "square8-2p" and row["state_bytes"] <= 480 and row["jaxpr_lines"] <= 6000
