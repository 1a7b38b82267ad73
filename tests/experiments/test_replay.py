"""The replay command: what it verifies, shows and refuses."""

import copy
import re

import jax
import jax.numpy as jnp
import pytest
from played import held, random_record

from experiments import replay
from ringrift_jax import notation
from ringrift_jax.learning.config import RunConfig, preset
from ringrift_jax.render import game_svg
from ringrift_jax.runs import record_files
from ringrift_jax.runs.checkpoints import save_champion
from ringrift_jax.runs.curves import network_curves
from ringrift_jax.search.network import make_network

GAMES: list[dict] = [random_record(seed) for seed in range(4)]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "games.jsonl.gz"


def refused(capsys, *argv) -> str:
    """The one line with which the command refuses its arguments."""
    with pytest.raises(SystemExit) as stop:
        replay.main([str(word) for word in argv])
    assert stop.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line.removeprefix("error: ")


def test_games_are_verified_and_counted_by_reason(path, capsys):
    record_files.write(path, GAMES)
    replay.main([str(path)])
    (line,) = capsys.readouterr().out.splitlines()
    match = re.fullmatch(r"4 games verified in [\d.]+ s: (.*)", line)
    assert match
    counts = {part.split(" ")[1]: part.split(" ")[0] for part in match[1].split(", ")}
    reasons = [game["result"]["reason"] for game in GAMES]
    assert counts == {reason: str(reasons.count(reason)) for reason in reasons}


def test_the_first_difference_is_reported(path, capsys):
    games = copy.deepcopy(GAMES)
    games[2]["steps"][30]["n"] = 1234
    record_files.write(path, games)
    for options in ((), ("--game", "3", "--board")):
        with pytest.raises(SystemExit) as stop:
            replay.main([str(path), *options])
        assert stop.value.code == 1
        *before, first, found, expected = capsys.readouterr().out.splitlines()
        assert first == f"game 3 (random 2), move {games[2]['steps'][30]['m']}, step 30, n"
        assert found.split() == ["game", "1234"] and expected.split()[0] == "reference"
        assert sum("legal)" in line for line in before) == (30 if options else 0)
    replay.main([str(path), "--game", "2"])
    assert "1 game verified" in capsys.readouterr().out


def test_a_game_is_shown_move_by_move(path, capsys):
    game: dict = GAMES[1] | {"models": ["champion 3", "random"]}
    record_files.write(path, [GAMES[0], game])
    replay.main([str(path), "--game", "2"])
    first, *moves, result, _ = capsys.readouterr().out.splitlines()
    assert first == "random 1: square8, 2 players, played by champion 3, random"
    assert [line[23:].partition("  (")[0] for line in moves] == [step["m"] for step in game["steps"]]
    assert result.startswith(f"seat {game['result']['winner']} wins, {game['result']['reason']}, ranks by seat ")
    replay.main([str(path), "--game", "2", "--board"])
    assert len(capsys.readouterr().out.splitlines()) == len(moves) * 10 + 3


def test_damaged_files_and_bad_options_are_refused_with_one_line(path, capsys):
    record_files.write(path, GAMES)
    assert refused(capsys, path, "--game", 5) == f"{path} has no game 5; it has 4"
    assert refused(capsys, path, "--game", 0) == "--game is 0; games are counted from 1"
    assert refused(capsys, path, "--board") == "--board shows one game; choose it with --game"
    assert refused(capsys, path.parent / "none.gz").endswith(f"there is no {path.parent / 'none.gz'}")
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    assert re.fullmatch(rf"{path}, line [2-4]: the compressed file breaks off here", refused(capsys, path))
    replay.main([str(path), "--torn-end"])
    assert re.match("[123] games? verified", capsys.readouterr().out)
    path.write_bytes(b"x" + whole)
    assert "line 1: the compressed data is damaged" in refused(capsys, path)


def test_a_game_becomes_a_page(path, tmp_path, capsys):
    record_files.write(path, GAMES)
    page = tmp_path / "game.html"
    replay.main([str(path), "--game", "2", "--html", str(page)])
    assert f"game 2 is in {page}" in capsys.readouterr().out and GAMES[1]["id"] in page.read_text()
    assert refused(capsys, path, "--html", page) == "--html shows one game; choose it with --game"
    assert "draws on a page" in refused(capsys, path, "--game", 1, "--model", tmp_path)
    assert "no directory" in refused(capsys, path, "--game", 1, "--html", tmp_path / "none" / "x.html")
    assert "none" in refused(capsys, path, "--game", 1, "--html", page, "--model", tmp_path / "none")


def test_a_game_becomes_a_picture_that_moves(path, tmp_path, capsys):
    record_files.write(path, GAMES)
    picture = tmp_path / "game.svg"
    replay.main([str(path), "--game", "2", "--svg", str(picture)])
    assert f"game 2 is in {picture}" in capsys.readouterr().out
    assert picture.read_text(encoding="utf-8") == game_svg(GAMES[1])
    assert refused(capsys, path, "--svg", picture) == "--svg shows one game; choose it with --game"
    assert "no directory" in refused(capsys, path, "--game", 1, "--svg", tmp_path / "none" / "x.svg")


@pytest.mark.ci
def test_a_network_judges_a_game(path, tmp_path, capsys):
    """Its chances sum to 1 wherever somebody decides, and its probabilities are those of its policy."""
    config = RunConfig("square8", loop=preset("tiny", "square8"))
    env = config.make_env()
    network = make_network(env, config.loop.network)
    params = network.init(jax.random.key(0), jnp.zeros((1, *env.observation_shape), jnp.float32))
    save_champion(tmp_path / "run" / "champions", 0, config, params)
    game = GAMES[0]
    chances, played = network_curves(game, tmp_path / "run").values()
    assert [curve.label for curve in chances] == ["seat 1", "seat 2"]
    known = [pair for pair in zip(*(curve.values for curve in chances), strict=True) if None not in pair]
    assert all(sum(pair) == pytest.approx(1) for pair in known) and len({pair[0] for pair in known}) > 10
    decided = [number for number, step in enumerate(game["steps"], 1) if not step["m"].startswith("NO_")]
    assert [number for number, value in enumerate(played[0].values) if value is not None] == decided
    assert len(played[0].values) == len(game["steps"]) + 1
    masks, logits = env.legal_action_mask(env.init()), network.apply(params, env.observe(env.init())[None])[0][0]
    action = notation.actions_of(env, env.init(), game["steps"][0]["m"])[0]
    assert played[0].values[1] == pytest.approx(float(jax.nn.softmax(logits, where=masks)[action]), rel=1e-4)
    other = random_record(0, "hex8", 3)
    with pytest.raises(ValueError, match="plays square8 with 2 players; this game is hex8 with 3"):
        network_curves(other, tmp_path / "run")
    record_files.write(path, GAMES)
    replay.main([str(path), "--game", "1", "--html", str(tmp_path / "x.html"), "--model", str(tmp_path / "run")])
    shown = held((tmp_path / "x.html").read_text())
    assert [chart["title"] for chart in shown["charts"]][2:] == [*network_curves(game, tmp_path / "run")]
