"""Champions in the box: packed, found by name, with a card; those that come with the package play."""

import json
import os
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest
from toy_runs import GAME, make_run, promote

import ringrift_jax as rr
from experiments import pack, report
from ringrift_jax.learning.config import RunConfig
from ringrift_jax.learning.loop import new_loop
from ringrift_jax.runs import box, events, matches, packing, registry
from ringrift_jax.runs.box import CARD
from ringrift_jax.runs.cards import read_card, write_card
from ringrift_jax.runs.champion_files import champion_versions, find_champion, load_champion
from ringrift_jax.runs.directory import RunDirectory
from ringrift_jax.runs.model_card import model_card
from ringrift_jax.runs.packed import pack as pack_champion
from ringrift_jax.runs.packed import unpack

MATCH = {
    "player": "champion 2, 16 turns", "opponent": "random", "games": 10, "wins": 9, "wins_by_seat": [5, 4],
    "length": 20.5, "distinct": 1.0, "contested_games": 0, "contested_wins": 0, "interval": [0.6, 0.98],
}  # fmt: skip
COMMAND = "python -m experiments.evaluate square8 --games 10"
FOUND = {
    "command": f"{COMMAND} --json /elsewhere/found.json --record=games.jsonl.gz",
    "commit": "abc1234",
    "device": "cpu",
    "cores": 2,
}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run of a small game, of which two champions were promoted, after 1 and 2 iterations, and then it went on."""
    monkeypatch.setattr(RunConfig, "make_env", lambda self: GAME)
    path = tmp_path / "run"
    config = make_run(path)
    directory = RunDirectory(path)
    directory.events.append(events.RunStarted(0, "square8", 2, "tiny", "cpu", False))
    for version in (1, 2):
        promote(path, config, version)
    for iteration in range(1, 9):
        directory.append_metrics({"iteration": iteration, "seconds": 900, "games": 5, "decisions": 100})
    return path


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """A box without champions in place of that of the package."""
    monkeypatch.setattr(box, "BOX", tmp_path / "box")
    return tmp_path / "box"


def params_of(config: RunConfig):
    return new_loop(config.make_env(), config.loop, jax.random.key(0)).champion


def test_a_packed_champion_is_itself_in_float16(run, tmp_path):
    config, params = load_champion(run / "champions" / "2")
    pack_champion(tmp_path / "2.npz", config, params)
    again, rounded = unpack(tmp_path / "2.npz")
    assert again == config
    jax.tree.map(lambda x, y: np.testing.assert_array_equal(np.float16(x), y), params, rounded)
    assert all(leaf.dtype == np.float32 for leaf in jax.tree.leaves(rounded))
    assert champion_versions(tmp_path) == [2]
    jax.tree.map(np.testing.assert_array_equal, load_champion(tmp_path / "2")[1], rounded)


def test_what_float16_cannot_hold_is_not_packed(run, tmp_path):
    config, params = load_champion(run / "champions" / "2")
    with pytest.raises(ValueError, match="params/barren_value/bias holds numbers that float16 cannot: up to 100000"):
        pack_champion(tmp_path / "2.npz", config, jax.tree.map(lambda leaf: leaf + 1e5, params))
    assert not list(tmp_path.glob("*.npz"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda arrays: arrays.pop("settings"), "array 'settings' is missing"),
        (lambda arrays: arrays.pop("params/stem/bias"), "array 'params/stem/bias' is missing"),
        (lambda arrays: arrays.update(more=np.zeros(1, np.float16)), "array 'more' is none of the network"),
        (lambda arrays: arrays.update({"params/stem/bias": np.zeros(3, np.float16)}), r"is float16\[3\], not"),
        (lambda arrays: arrays.update(settings=np.array("{}")), "board"),
        (lambda arrays: arrays.update(settings=np.array({}, object)), "not a readable npz file"),
    ],
)
def test_a_damaged_champion_says_so(run, tmp_path, change, message):
    config, params = load_champion(run / "champions" / "2")
    pack_champion(tmp_path / "2.npz", config, params)
    with np.load(tmp_path / "2.npz") as file:
        arrays = dict(file)
    change(arrays)
    np.savez(tmp_path / "2.npz", **arrays)
    with pytest.raises(ValueError, match=f"2.npz is damaged or of another version of ringrift_jax: .*{message}"):
        unpack(tmp_path / "2.npz")


def test_what_is_packed_is_a_run_up_to_its_champion(run, empty, capsys):
    pack.main([str(run), "--box", str(empty), "--commit", "abc1234"])
    assert "square8-2p: champion 2, 0.50 h" in capsys.readouterr().out
    assert box.boxed() == ["square8-2p"] and [path.name for path in empty.iterdir()] == ["square8-2p"]
    packed = RunDirectory(empty / "square8-2p")
    assert find_champion(packed.path) == (packed.champions, 2)
    assert [line["iteration"] for line in packed.read_metrics()] == [1, 2]
    assert registry.select_model(packed.path).version == 2
    (training,) = read_card(packed.path / CARD).trained
    assert (training.hours, training.iterations, training.games, training.decisions) == (0.5, 2, 10, 200)
    # The settings of the run are not those of its preset, and all of them are named.
    words = training.command.split()
    assert words[:6] == ["python", "-m", "experiments.train", "square8", "--preset", "tiny"]
    assert {"--seed", "5", "--iterations", "2", "--network.channels", "4", "--gates.parity-games"} <= set(words)


def test_the_runs_behind_a_champion_are_on_its_card(run, empty, tmp_path):
    pack.main([str(run), "--box", str(empty)])
    config, params = load_champion(run / "champions" / "2")
    second = RunDirectory(tmp_path / "second")
    later = replace(config, num_players=3, origin="square8")
    second.open(later).lock.release()
    second.events.append(events.RunStarted(0, "square8", 3, "tiny", "cpu", False))
    promote(second.path, later, 0)
    promote(second.path, later, 1)
    for iteration in (1, 2):
        second.append_metrics({"iteration": iteration, "seconds": 1800, "games": 1, "decisions": 10})
    card = packing.put_in_box(second.path, empty, "def5678")
    assert [(part.hours, part.iterations) for part in card.trained] == [(0.5, 2), (0.5, 1)]
    assert (
        card.hours == 1.0 and "--players 3" in card.trained[1].command and "--from square8" in card.trained[1].command
    )
    second.events.path.unlink()
    with pytest.raises(ValueError, match="does not say when champion 1 was promoted"):
        packing.put_in_box(second.path, empty, "def5678")
    assert read_card(empty / "square8-3p" / CARD) == card  # and nothing is half written


def test_a_champion_is_carried_to_another_game(tmp_path, capsys):
    carry = ["square8", "--carry-to", "square8", "--players", "3", "--box", str(tmp_path)]
    pack.main(carry)
    said = capsys.readouterr().out
    assert "of 2 players it knew: any further opponent counts as the last of these" in said
    card, trained = read_card(tmp_path / "square8-3p" / CARD), rr.champion("square8").card.trained
    assert (card.carried_from, card.version, card.players, card.trained) == ("square8", 0, 3, trained)
    assert "It is the champion `square8`" in model_card(card)
    packed = RunDirectory(tmp_path / "square8-3p")
    assert packed.read_metrics() == [] and registry.select_model(packed.path).version == 0
    config, params = load_champion(packed.champions / "0")
    assert (config.num_players, config.origin) == (3, "square8")
    source = rr.champion("square8").params["params"]
    jax.tree.map(np.testing.assert_array_equal, params["params"]["block_0"], source["block_0"])
    report.main([str(packed.path), "--out", str(tmp_path / "report.html")])
    pack.main(carry)  # again, as after that one was trained further
    write_card(packed.path / CARD, replace(card, carried_from=None))
    with pytest.raises(SystemExit):
        pack.main(carry)
    with pytest.raises(SystemExit):
        pack.main(["square8", "--players", "3"])
    said = capsys.readouterr().err
    assert "square8-3p was trained for its game; square8 is not put in its place" in said
    assert "--players is for --carry-to; a run says how many play" in said


def test_what_was_measured_is_added_to_the_card(run, empty, tmp_path, capsys):
    pack.main([str(run), "--box", str(empty)])
    entry, found = empty / "square8-2p", tmp_path / "found.json"
    others = MATCH | {"player": "random", "opponent": "heuristic"}
    found.write_text(json.dumps(FOUND | {"matches": [MATCH, others]}))
    pack.main([str(entry), "--evaluation", str(found)])
    found.write_text(json.dumps(FOUND | {"matches": [MATCH | {"wins": 8}]}))
    pack.main([str(entry), "--evaluation", str(found)])  # measured again
    (measured,) = read_card(entry / CARD).strength
    assert (measured.commit, measured.device) == ("abc1234", "cpu, 2 cores")
    assert measured.command == COMMAND and [match.wins for match in measured.matches] == [8]
    assert 0.4 < measured.matches[0].interval[0] < 0.5
    found.write_text(json.dumps(FOUND | {"command": "of two", "matches": [MATCH, MATCH | {"opponent": "itself"}]}))
    pack.main([str(entry), "--evaluation", str(found)])
    found.write_text(json.dumps(FOUND | {"command": "of one", "matches": [MATCH | {"wins": 7}]}))
    pack.main([str(entry), "--evaluation", str(found)])  # the same players
    before, measured = read_card(entry / CARD).strength
    assert [before.command, measured.command] == ["of two", "of one"]
    assert [match.opponent for match in before.matches] == ["itself"]
    assert [match.wins for match in measured.matches] == [7]
    found.write_text(json.dumps(FOUND | {"matches": [{"player": "champion 2"}]}))
    with pytest.raises(SystemExit):
        pack.main([str(entry), "--evaluation", str(found)])
    with pytest.raises(SystemExit):
        pack.main([str(run), "--evaluation", str(found)])
    said = capsys.readouterr().err
    assert f"{found}: no report of evaluate of this version: it has no 'opponent'" in said
    assert f"{run} is no champion in a box" in said


def test_names_of_the_box(run, empty, tmp_path, monkeypatch):
    pack.main([str(run), "--box", str(empty)])
    for name in ("square8", "square8-2p"):
        assert box.is_boxed(name) and box.find_run(name) == empty / "square8-2p"
    assert box.find_run("square8", 2) == empty / "square8-2p"
    with pytest.raises(ValueError, match="square8-2p has 2 players, not 3"):
        box.find_run("square8-2p", 3)
    for missing in (("hex8", None), ("square8", 4), ("square8-4p", None)):
        with pytest.raises(FileNotFoundError, match="in the box, which has square8-2p; train one: python -m"):
            box.find_run(*missing)
    assert box.find_run("runs/mine") == Path("runs/mine") and not box.is_boxed("square9")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "square8-2p").mkdir()  # a directory of that name is what is meant
    assert not box.is_boxed("square8-2p") and box.find_run("square8-2p") == Path("square8-2p")


def test_commands_take_names_of_the_box(run, empty, tmp_path, monkeypatch):
    pack.main([str(run), "--box", str(empty)])
    config, player, champions = matches.find_player("square8", None, None)
    assert (config.board, player.version, champions) == ("square8", 2, empty / "square8-2p" / "champions")
    with pytest.raises(FileNotFoundError, match="no champion of square8 with 3 players in the box"):
        matches.find_player("square8", None, 3)
    with pytest.raises(ValueError, match="--board is for random and heuristic only; square8 says which game it is"):
        matches.find_player("square8", "hex8", None)
    monkeypatch.chdir(tmp_path)
    report.main(["square8"])
    assert "champion 2 beat champion 1" in (tmp_path / "square8-2p.html").read_text()


def test_a_champion_that_is_not_there_says_which_are(empty):
    with pytest.raises(FileNotFoundError, match="no champion of hex8 with 3 players in the box, which has none; train"):
        rr.champion("hex8", 3)
    with pytest.raises(ValueError, match="unknown board 'chess'"):
        rr.champion("chess")


def test_the_box_is_small():
    files = [path for path in box.BOX.rglob("*") if path.is_file()]
    assert files and sum(path.stat().st_size for path in files) < 12e6
    assert all(os.access(path, os.R_OK) for path in files)


@pytest.mark.parametrize("name", box.boxed())
def test_champions_in_the_box_play_what_they_say(name):
    board, _, players = name.removesuffix("p").rpartition("-")
    champion = rr.champion(board, int(players))
    card, env = champion.card, champion.env
    assert (card.board, card.players, card.name) == (board, int(players), name)
    assert card.parameters == sum(leaf.size for leaf in jax.tree.leaves(champion.params))
    assert card.trained and card.license
    observation = env.observe(env.init())[None]
    logits, values = champion.evaluate(observation)
    assert logits.shape == (1, env.num_actions) and values.shape == (1, env.num_players)
    assert np.isfinite(logits).all() and np.isfinite(values).all()
    assert registry.select_model(box.find_run(name)).version == card.version
