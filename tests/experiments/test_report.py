"""The report of a run: while it goes on, when it is over, and of what is left of a broken one."""

import re
import shutil
import xml.etree.ElementTree as ET

import browsers
import pytest
import toy_runs
from filelock import FileLock
from markupsafe import escape
from played import random_record

from experiments import report
from ringrift_jax.runs import record_files
from ringrift_jax.runs.contents import RunContents
from ringrift_jax.runs.directory import RunDirectory
from ringrift_jax.runs.events import Alert, CandidateEvaluated, CandidateRejected, DataRejected, RolledBack
from ringrift_jax.runs.report_games import Games

GAMES = [random_record(seed, "hex8", 3, lane=seed) for seed in range(3)]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run of five iterations with two promotions, and games."""
    path = tmp_path_factory.mktemp("runs") / "toy & <co>"
    with pytest.MonkeyPatch.context() as patch:
        toy_runs.use_toy_game(patch)
        toy_runs.run(path, "--iterations", "5")
    record_files.write(path / "games.jsonl.gz", GAMES)
    return path


@pytest.fixture
def run(finished, tmp_path):
    return RunDirectory(shutil.copytree(finished, tmp_path / finished.name))


def test_a_finished_run(run, capsys):
    report.main([str(run.path)])
    page = (run.path / "report.html").read_text()
    assert capsys.readouterr().out == f"report in {run.path / 'report.html'}\n"
    assert (
        "not known" not in page and "toy &amp; &lt;co&gt;" in page and "<co>" not in page and page.count("<script") == 1
    )
    assert "stopped: 5 iterations are done" in page and "2 model" not in page and "3 model promoted" in page
    assert page.count("<td>champion 1</td>") == 1 and "champion 2 beat champion 1" in page
    for title in ("the last game", "the shortest game", "Elo on the first network"):
        assert title in page
    assert "Entropy" in page and "learner.replay_blocks" in page
    curves = [part.split("</svg>")[0] for part in page.split("<svg") if "matplotlib" in part]
    assert len(curves) == 9
    for curve in curves:
        ET.fromstring(f"<svg{curve}</svg>")


def test_a_run_is_told_in_words(run):
    log = run.events.path
    *before, stopped = log.read_text().splitlines(True)
    run.events.append(RolledBack(5, 2, -0.5, 0.1))
    log.write_text("".join([*before, log.read_text().splitlines(True)[-1], stopped]))
    page = report.report(run)
    words = page[page.index("How long?") : page.index("What next?")]
    for said in ("5 iterations in 0:", "stopped: 5 iterations are done", "was not measured"):
        assert said in words
    assert "Champion 1 beat what it began with by" in words and "Champion 2 beat champion 1 by" in words
    assert "Once: return to the champion, since what was trained was clearly weaker, in iteration 5." in words
    assert "3 of 5 arenas brought no new champion" in words and "Nothing that was looked for" not in words
    log.write_text("".join([*before, stopped]))
    assert "Nothing that was looked for" in report.report(run)
    next_ = page[page.index("What next?") :]
    assert "--ladder" in next_ and "Train on: nothing shows that it has stopped learning" in next_
    assert f"python -m experiments.play {escape(str(run.path))} --web" in next_


def test_what_went_wrong_and_what_to_do(run):
    run.ladder.write_text('{"elo": {"random": [0.0, 0.0], "heuristic": [200.0, 9.0], "champion 2": [310.4, 10.0]}}')
    for iteration in (3, 4):
        run.events.append(Alert(iteration, "loss_spike", "it is high"))
    run.events.append(DataRejected(4, "parity", "they differ"))
    for iteration in (4, 5):
        run.events.append(RolledBack(iteration, 2, -0.5, 0.1))
    for _ in range(3):
        run.events.append(CandidateEvaluated(5, 2, 0.0, 0.1, 10))
        run.events.append(CandidateRejected(5, 2))
    page = report.report(run)
    for said in (
        "2 times: alert loss spike, the last time in iteration 4.",
        "Once: games that were not learned from, by the gate parity, in iteration 4.",
        "2 times: return to the champion",
        "6 of 8 arenas brought no new champion",
        "The process ended without saying so",
        "champion 2 is the strongest: 310 Elo (291 to 330), where random 0, heuristic 200.",
        "The last 4 arenas brought no champion",
    ):
        assert said in page
    assert "Nothing that was looked for" not in page and "Train on" not in page


def test_points_of_curves_lead_to_games_of_the_page(run):
    # Those of a run say in which iterations they were played.
    games = [game | {"first_iteration": at, "last_iteration": at} for at, game in enumerate(GAMES, 1)]
    record_files.write(run.games, games)
    page = report.report(run)
    links = re.findall(r'<a href="#(game-\d)" aria-label="game \d">', page)
    assert {"game-1", "game-2", "game-3"} == {*links} and "target=" not in page and "Points of the first two" in page
    for anchor in links:
        assert page.count(f'<figure id="{anchor}"') == 1
    assert "ended in iteration 2" in page
    assert page.count('<details class="ringrift-replay"') == 3
    record_files.write(run.games, GAMES)
    page = report.report(run)
    assert 'href="#game-' not in page and "Points of" not in page, "nobody knows of which iteration they are"


def test_games_are_stepped_through_on_the_page(run, tmp_path):
    games = [game | {"first_iteration": at, "last_iteration": at} for at, game in enumerate(GAMES, 1)]
    record_files.write(run.games, games)
    path = tmp_path / "report.html"
    path.write_text(report.report(run), encoding="utf-8")
    decisions = sum(not step["m"].startswith("NO_") for step in GAMES[1]["steps"])
    with browsers.page() as page:
        page.goto(path.as_uri())
        assert page.locator(".viewer").count() == 0 and page.is_visible("#game-2 > svg")
        page.locator("#curves a[href='#game-2'] path, #curves a[href='#game-2'] use").first.click()
        assert page.evaluate("location.hash") == "#game-2"
        page.click("#game-2 summary")
        page.wait_for_selector("#game-2 .viewer .cell")
        assert not page.is_visible("#game-2 > svg"), "one board is enough"
        page.click("#game-2 .viewer button[title^=end]")
        assert page.inner_text("#game-2 output") == f"{decisions} / {decisions}"
        page.locator("#game-2").scroll_into_view_if_needed()
        browsers.shot(page, "report-game", tmp_path)
        page.click("#game-2 summary")
        assert page.is_visible("#game-2 > svg") and not page.is_visible("#game-2 .viewer")
        page.click("#game-2 summary")
        assert page.locator(".viewer").count() == 1, "it stays what it was"
        assert page.inner_text("#game-2 output") == f"{decisions} / {decisions}"


def test_the_last_ladder_is_shown(run):
    assert "not measured yet" in report.report(run)
    run.ladder.write_text('{"elo": {"random": [0.0, 0.0], "tactician:random": [300.4, 10.0], "champion 1": [120, 5]}}')
    page = report.report(run)
    assert "not measured yet" not in page and "<td>random</td><td>0</td><td>anchor</td>" in page
    assert "<td>tactician:random</td><td>300</td><td>281 to 320</td>" in page
    assert page.index("tactician:random</td>") < page.index("champion 1</td><td>120") < page.index("random</td><td>0<")
    run.ladder.write_text("{}")
    assert "not known: KeyError" in report.report(run)


def test_a_run_that_goes_on(run):
    run.events.append(Alert(5, "loss_spike", "the loss is <b>3</b>"))
    with FileLock(run.path / "lock"):
        page = report.report(run)
    assert "running; the last event was 0:00:0" in page
    assert "iteration 5: alert: what loss_spike, message the loss is &lt;b&gt;3" in page
    assert '<span class="bad">ended without saying so</span>' in report.report(run)


def test_games_of_the_whole_run_and_of_its_champions_are_shown(tmp_path):
    run = RunContents(tmp_path)
    games = [game | {"first_iteration": at, "last_iteration": at} for at, game in enumerate(GAMES * 4, 1)]
    record_files.write(run.games, games)
    found = Games(run, [(0, 0), (1, 6)], 12)
    assert {1, 3, 5, 7, 9, 11} <= {game.iteration for game in found.shown}, "at even distances"
    assert {version: game.number for version, game in found.of_champion.items()} == {0: 1, 1: 7}
    assert found.read == 12 and len(found.shown) < 12


@pytest.mark.parametrize(
    ("gone", "known"),
    [
        ("config.json", "champion 2 beat champion 1"),
        ("metrics.jsonl", "champion 2 beat champion 1"),
        ("events.jsonl", "the last game"),
        ("games.jsonl.gz", "no game has been recorded yet"),
        ("champions", "samples from"),
    ],
)
def test_what_is_missing_is_said_in_its_place(run, gone, known):
    path = run.path / gone
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    page = report.report(run)
    assert known in page and page.endswith("</html>\n")


@pytest.mark.parametrize("broken", ["config.json", "metrics.jsonl", "events.jsonl", "games.jsonl.gz"])
def test_what_is_damaged_is_said_in_its_place(run, broken):
    (run.path / broken).write_bytes(b"{<nonsense>\n")
    page = report.report(run)
    assert '<p class="bad">not known: ' in page and "<nonsense>" not in page


def test_what_is_no_run_is_refused(tmp_path, capsys):
    for path, message in ((tmp_path, "is not a run: it has none of"), (tmp_path / "none", "there is no directory")):
        with pytest.raises(SystemExit) as stop:
            report.main([str(path)])
        (line,) = capsys.readouterr().err.splitlines()
        assert stop.value.code == 2 and message in line


def test_a_page_that_cannot_be_written(run, capsys):
    with pytest.raises(SystemExit) as stop:
        report.main([str(run.path), "--out", str(run.path / "none" / "page.html")])
    (line,) = capsys.readouterr().err.splitlines()
    assert stop.value.code == 2 and "but there is no directory" in line
