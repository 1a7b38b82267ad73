"""Watching a run: the metrics, where they are served and shown, and that training does not depend on it.

``python tests/experiments/test_monitoring.py`` makes dashboard.json and the tables of docs/monitoring.md anew.
"""

import json
import math
import re
import socket
import struct
import urllib.request
from pathlib import Path

import jax.numpy as jnp
import pytest
import yaml
from rich.console import Console
from tensorboardX.proto.event_pb2 import Event as Entry  # pyright: ignore[reportAttributeAccessIssue]
from tensorboardX.proto.event_pb2 import SessionLog  # pyright: ignore[reportAttributeAccessIssue]
from toy_runs import records, run, run_elsewhere

from experiments.console import Screen, StatusLine, sparkline
from ringrift_jax.learning.config import RunConfig
from ringrift_jax.learning.gates import GateResult, GatesReport
from ringrift_jax.learning.learner import Losses
from ringrift_jax.learning.loop import ArenaStats, Metrics
from ringrift_jax.learning.selfplay import no_stats
from ringrift_jax.players.sequential import Score
from ringrift_jax.runs import events, metrics
from ringrift_jax.runs import monitors as monitoring
from ringrift_jax.runs.events import Alert, DataRejected, ModelPromoted, RolledBack, RunStarted
from ringrift_jax.runs.metrics import Metric
from ringrift_jax.runs.monitors import Monitors, dashboard, documents
from ringrift_jax.runs.monitors.prometheus import LABELS, Prometheus, TextFile
from ringrift_jax.runs.monitors.tensorboard import TensorBoard, scalars

FILES = Path(monitoring.__file__).parent
PAGE = Path(__file__).parents[2] / "docs" / "monitoring.md"
DOCS = PAGE.read_text()
EVENTS = {metric.name: metric.event for metric in metrics.OTHERS if metric.event}
CONFIG = RunConfig("hex8", 3)
OF_PROMETHEUS = {"up"}
WORDS = {"and", "or", "unless", "offset", "time", "abs", "delta", "changes", "avg_over_time", "label_values", "run"}


def a_record(iteration: int, **more) -> dict:
    numbers = {"games": 3, "decisions": 40, "steps": 2, "skipped_steps": 0, "trainable_rows": 64, "overflow": 1}
    rates = {"seconds": 2.0, "games_per_second": 1.5, "decisions_per_second": 20.0}
    data = {"samples": 2 * CONFIG.loop.learner.batch_size, "gates": {}}
    return {
        "iteration": iteration,
        **data,
        "loss": 1.5,
        "arena_score": None,
        "promoted": False,
        "lost_rows": 0,
        **numbers,
        **rates,
        **more,
    }


def value(told: Prometheus, name: str, **labels: str) -> float | None:
    own = {"run": "x", "board": "hex8", "players": "3"}
    return told.registry.get_sample_value(f"ringrift_{name}", own | labels)


def families() -> dict[str, tuple[str, str]]:
    """Kind and text of every metric, by the name that a person looks for."""
    return {
        family.name + ("_total" if family.type == "counter" else ""): (family.type, family.documentation)
        for family in Prometheus(CONFIG, "x").registry.collect()
    }


def names(expression: str) -> set[str]:
    """The metrics in an expression of PromQL."""
    expression = re.sub(r"\"[^\"]*\"|\{[^}]*\}|\[[^]]*\]|\$\w+", " ", expression)
    expression = re.sub(r"\b(on|ignoring|by|without)\s*\([^)]*\)", " ", expression)
    return {word for word in re.findall(r"\b[a-zA-Z_]\w*\b", expression) if word not in WORDS}


def shown(board: dict) -> list[str]:
    """All expressions of the dashboard."""
    expressions = [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]
    queries = [entry["query"]["query"] for entry in board["templating"]["list"] if entry["type"] == "query"]
    return expressions + queries + [entry["expr"] for entry in board["annotations"]["list"]]


def rules() -> list[dict]:
    (group,) = yaml.safe_load((FILES / "alerts.yml").read_text())["groups"]
    return group["rules"]


def test_names_are_found():
    expression = 'abs(up{job="x_y"}[5m]) > 2 * ringrift_typo unless ignoring(some_label) b_total offset 1h'
    assert names(expression) == {"up", "ringrift_typo", "b_total"}


def test_what_is_made_from_the_table_is_current():
    """Else: python tests/experiments/test_monitoring.py."""
    assert (FILES / "dashboard.json").read_text() == dashboard.text()
    assert documents.renew(DOCS) == DOCS


def test_the_table_is_what_prometheus_is_told():
    told = {metric.prometheus: (metric.type, metric.help) for metric in metrics.exported()}
    assert {name: (kind.replace("stateset", "enum"), text) for name, (kind, text) in families().items()} == told
    every = [metric.name for metric in (*metrics.METRICS, *metrics.OTHERS, *metrics.PROCESS)]
    assert len(set(every)) == len(every)


def an_iteration(steps: int, arena_games: int) -> Metrics:
    """In which every loss and score is 0.5."""
    half, none, no = jnp.float32(0.5), jnp.int32(0), jnp.bool_(False)
    return Metrics(
        iteration=jnp.int32(1),
        self_play=no_stats(CONFIG.num_players),
        gates=GatesReport({"length": GateResult(half, ~no, ~no)}, jnp.zeros(7), jnp.zeros(7, jnp.int32)),
        losses=Losses(half, half, half, half, half, ~no, half),
        steps=jnp.int32(steps),
        skipped=none,
        trainable_rows=none,
        lost_rows=none,
        arena=ArenaStats(read=Score(jnp.int32(arena_games), half, half), gain=Score(none, none, none), decisions=none),
        promoted=no,
        rolled_back=no,
        version=none,
    )


def test_one_entry_makes_a_metric(monkeypatch):
    """In the line, in TensorBoard, for Prometheus, on the dashboard and in the documents."""
    entry = Metric(
        *("truncated", "throughput", "counter", "Games that were stopped.", "short"),
        read=lambda got, *_: got.self_play.truncated,
    )
    monkeypatch.setattr(metrics, "METRICS", (*metrics.METRICS, entry))
    record = metrics.to_record(an_iteration(steps=1, arena_games=1), CONFIG.loop, 2.0)
    assert record["truncated"] == 0
    assert scalars(record)["throughput/truncated"] == 0
    told = Prometheus(CONFIG, "x")
    told.start([a_record(1, truncated=3)], [])
    told.iteration(a_record(2, truncated=4))
    assert value(told, "truncated_total") == 7
    assert 'ringrift_truncated_total{run=~"$run"}' in shown(dashboard.dashboard())
    row = "| `truncated` | `throughput/truncated` | `ringrift_truncated_total` | counter | Games that were stopped. |"
    assert row in documents.tables()


def test_what_did_not_happen_is_none():
    learning = {"loss", "policy_loss", "target_entropy", "value_loss", "barren_value_loss", "gradient"}
    arena, gain = {"arena_score", "arena_error", "verdict"}, {"gain_score", "gain_error"}
    games = {"game_length", "shortest_game", "longest_game"}
    for steps, arena_games, missing in ((0, 2, learning), (3, 0, arena), (3, 2, set())):
        record = metrics.to_record(an_iteration(steps, arena_games), CONFIG.loop, 2.0)
        assert {name for name, number in record.items() if number is None} == missing | games | gain
        assert set(record["entropy_by_phase"].values()) == {None}


def test_dashboard_shows_every_metric_and_no_other():
    board = dashboard.dashboard()
    used = set().union(*map(names, shown(board)))
    assert used == families().keys()
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    rows = [panel["title"] for panel in panels if panel["type"] == "row"]
    assert rows == ["Run", "Throughput", "Learning", "Strength", "Gates and data", "Machine"]
    for panel in panels:
        if panel["type"] != "row":
            assert panel["targets"] and panel["datasource"]["uid"] == "${datasource}", panel["title"]
            assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


def test_alerts_are_complete_and_about_metrics_that_exist():
    for rule in rules():
        assert names(rule["expr"]) <= families().keys() | OF_PROMETHEUS, rule["alert"]
        assert rule["labels"]["severity"] in ("info", "warning", "critical"), rule["alert"]
        assert rule["annotations"].keys() == {"summary", "description"}, rule["alert"]
        assert all(rule["annotations"].values())
    assert len({rule["alert"] for rule in rules()}) == len(rules())


def table(heading: str) -> list[list[str]]:
    rows = DOCS.split(f"## {heading}\n")[1].split("\n## ")[0]
    return [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in rows.splitlines() if line[:2] == "| "][1:]


def test_documents_list_the_alerts():
    assert [row[:2] for row in table("Alerting rules")] == [[r["alert"], r["labels"]["severity"]] for r in rules()]


def test_metrics_follow_records_and_events():
    told = Prometheus(CONFIG, "x")
    assert value(told, "games_total") == 0
    promoted = ModelPromoted(2, "hex8", 3, 1, 0, "champions/1", 6, 80.5, 80.5, (10.0, 150.0), "0", {})
    first = ModelPromoted(0, "hex8", 3, 0, None, "champions/0", 0, 0.0, None, None, "0", {})
    happened = [RunStarted(0, "hex8", 3, "gpu", "H100", False), first, promoted, Alert(2, "not_finite", "")]
    before = [a_record(1), a_record(2, skipped_steps=5, arena_score=0.25, champion=1)]
    told.start(before, happened)
    told.phase("iterating")
    for event in (RolledBack(3, 1, -0.5, 0.1), DataRejected(3, "length", "too long"), Alert(3, "slow", "")):
        told.event(event)
    gates = {"length": {"value": 12.5, "passed": True}, "replay": {"value": None, "passed": False}}
    last = a_record(3, skipped_steps=7, samples=100, loss=None, gates=gates, arena_games=8, data_rejected=True)
    told.iteration(last)

    assert value(told, "iteration") == 3
    assert value(told, "games_total") == 9
    assert value(told, "arena_games_total") == 8
    assert value(told, "positions_generated_total") == 120
    consumed = 4 * CONFIG.loop.learner.batch_size + 100
    assert value(told, "positions_consumed_total") == consumed
    assert value(told, "consumed_per_generated") == consumed / 120
    assert value(told, "consumed_per_generated_target") == CONFIG.loop.learner.samples_per_row
    assert value(told, "skipped_steps_total") == 7
    assert math.isnan(value(told, "loss") or 0)
    assert value(told, "arena_score") == 0.25  # of the last arena
    counts = {name: value(told, f"{name}_total") for name in EVENTS}
    assert counts == {"promotions": 1, "rejections": 0, "rollbacks": 1, "data_rejections": 1}
    assert [value(told, f"promotion_elo{end}") for end in ("", "_low", "_high")] == [80.5, 10, 150]
    assert [value(told, "alerts_total", what=what) for what in ("not_finite", "slow")] == [1, 1]
    assert [value(told, "gate_passed", gate=gate) for gate in gates] == [1, 0]
    assert value(told, "gate_value", gate="length") == 12.5
    assert [value(told, "phase", ringrift_phase=name) for name in ("iterating", "stopped")] == [1, 0]
    assert value(told, "run_info", device="H100", preset="gpu") == 1
    assert 1e7 < (value(told, "process_resident_memory_bytes") or 0) < 1e12
    rows = CONFIG.loop.self_play.lanes * CONFIG.loop.learner.replay_blocks
    assert value(told, "replay_fill") == 64 / rows


def totals(text: str) -> dict[str, float]:
    """Totals of the run in what Prometheus reads, by name without prefix."""
    return {
        name: float(number)
        for name, number in re.findall(r"^ringrift_(?!process)(\w+_total)\{[^}]*\} (\S+)$", text, re.M)
    }


def totals_of_files(path: Path) -> dict[str, float]:
    lines, story = records(path), events.read(path)
    kinds = [event.kind() for event in story if getattr(event, "version", None) != 0]
    batch = json.loads((path / "config.json").read_text())["loop"]["learner"]["batch_size"]
    return {
        "games_total": sum(line["games"] for line in lines),
        "positions_generated_total": sum(line["decisions"] for line in lines),
        "positions_consumed_total": sum(line.get("samples", line["steps"] * batch) for line in lines),
        "optimizer_steps_total": sum(line["steps"] for line in lines),
        "arena_games_total": sum(line.get("arena_games", 0) for line in lines),
        "gain_games_total": sum(line.get("gain_games", 0) for line in lines),
        "overflows_total": sum(line["overflow"] for line in lines),
        "skipped_steps_total": lines[-1]["skipped_steps"],
        "lost_rows_total": lines[-1]["lost_rows"],
        **{f"{name}_total": kinds.count(kind) for name, kind in EVENTS.items()},
    }


def entries(directory: Path) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard shows: points by tag, in the order written, without those hidden by a later start."""
    points: dict[str, list[tuple[int, float]]] = {}
    for path in sorted(directory.iterdir()):
        data, at = path.read_bytes(), 0
        while at + 12 <= len(data):
            (size,) = struct.unpack_from("<Q", data, at)
            entry = Entry.FromString(data[at + 12 : at + 12 + size])
            at += size + 16
            if entry.session_log.status == SessionLog.START:
                points = {tag: [p for p in of if p[0] < entry.step] for tag, of in points.items()}
            for number in entry.summary.value:
                points.setdefault(number.tag, []).append((entry.step, number.simple_value))
    return points


def test_a_run_is_served_filed_and_goes_on(toy, tmp_path, monkeypatch, capsys):
    """Over HTTP while it runs, in a file, and in TensorBoard; after a kill the totals are again those of the files."""
    path, file = tmp_path / "run", tmp_path / "run.prom"
    served = []
    real = Monitors.iteration

    def look(self, record):
        real(self, record)
        url = re.findall(r"metrics    (http://127.0.0.1:\d+/metrics)", capsys.readouterr().out)
        addresses.extend(url)
        with urllib.request.urlopen(addresses[-1], timeout=10) as answer:
            served.append(answer.read().decode())

    addresses: list[str] = []
    monkeypatch.setattr(Monitors, "iteration", look)
    run(path, "--iterations", "4", "--metrics-port", "0", "--metrics-file", str(file))
    expected = totals_of_files(path)
    assert expected["promotions_total"] == 2 and expected["games_total"] > 0
    assert all(list(line) == [metric.name for metric in metrics.METRICS] for line in records(path))
    assert len(served) == 4 and totals(served[0]) != totals(served[-1])
    assert totals(served[-1]) == totals(file.read_text()) == expected
    assert 'ringrift_phase="iterating",run="run"} 1.0' in served[-1]
    assert 'ringrift_phase="stopped",run="run"} 1.0' in file.read_text()
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(addresses[-1], timeout=10)

    monkeypatch.setattr(Monitors, "iteration", real)
    late = records(path)[-1] | {"iteration": 5}
    with (path / "metrics.jsonl").open("a") as lines:  # as before a kill: newer than the checkpoint
        lines.write(json.dumps(late) + "\n")
    TensorBoard(path / "tensorboard").iteration(late)
    run(path, "--iterations", "6", "--metrics-file", str(file))
    assert totals(file.read_text()) == totals_of_files(path)
    assert len(records(path)) == 6
    points = entries(path / "tensorboard")
    assert [step for step, _ in points["learning/loss"]] == [1, 2, 3, 4, 5, 6]
    for record in records(path):
        for tag, number in scalars(record).items():
            assert dict(points[tag])[record["iteration"]] == pytest.approx(number), tag


def test_without_monitors_nothing_is_written(toy, tmp_path):
    run(tmp_path, "--iterations", "1", "--no-tensorboard")
    assert not (tmp_path / "tensorboard").exists()
    run(tmp_path, "--iterations", "2")  # then what is missing is written
    assert [step for step, _ in entries(tmp_path / "tensorboard")["learning/loss"]] == [1, 2]


def test_scalars_are_numbers():
    record = a_record(1, gates={"a": {"value": None, "passed": True}}, verdict=None, data_rejected=False)
    found = scalars(record)
    assert found["gates/a_passed"] == 1 and "gates/a" not in found
    assert found["data/data_rejected"] == 0
    assert found["throughput/games"] == 3
    assert not any("verdict" in tag or "arena_score" in tag for tag in found)


def test_monitors_that_fail_are_named_once_and_training_goes_on(toy, tmp_path, monkeypatch, capsys):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ringrift_jax.runs.monitors.tensorboard.EventsWriter.write_event", fail)
    monkeypatch.setattr("ringrift_jax.runs.monitors.prometheus.write_to_textfile", fail)
    run(tmp_path / "run", "--iterations", "3", "--metrics-file", str(tmp_path / "run.prom"))
    said = capsys.readouterr().out
    assert len(records(tmp_path / "run")) == 3
    for name in ("TensorBoard", "TextFile"):
        assert said.count(f"{name} does not work, training goes on: [Errno 28] No space left on device\n") == 1


def test_tensorboard_goes_on_in_another_file_after_a_failure(tmp_path, monkeypatch):
    board = TensorBoard(tmp_path)
    board.start([], [])
    board.iteration(a_record(1))
    with monkeypatch.context() as patch, pytest.raises(OSError, match="full"):
        patch.setattr("ringrift_jax.runs.monitors.tensorboard.EventsWriter.flush", lambda self: _raise(OSError("full")))
        board.iteration(a_record(2))
    board.iteration(a_record(3))
    board.close()
    steps = [step for step, _ in entries(tmp_path)["learning/loss"]]
    assert steps in ([1, 3], [1, 2, 3])
    assert len(list(tmp_path.iterdir())) == 2


def _raise(problem: Exception):
    raise problem


def test_a_file_that_goes_away_is_written_again(tmp_path):
    told = Prometheus(CONFIG, "x")
    path = tmp_path / "x.prom"
    text = TextFile(told.registry, path)
    text.start([], [])
    path.unlink()
    text.phase("saving")
    assert path.read_text().startswith("# HELP ringrift_")
    assert [p.name for p in tmp_path.iterdir()] == ["x.prom"]


def test_bad_options_are_one_line_and_change_nothing(toy, tmp_path, capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for options, says in (
            (["--metrics-port", port], f"metrics cannot be served on 127.0.0.1:{port}: Address already in use"),
            (["--metrics-port", "70000"], "127.0.0.1:70000: bind(): port must be 0-65535"),
            (["--metrics-port", "0", "--metrics-address", "256.1.1.1"], "cannot be served on 256.1.1.1:0"),
            (["--metrics-file", str(tmp_path / "x.txt")], "its name must end in .prom"),
            (["--metrics-file", str(tmp_path / "none" / "x.prom")], "must be a directory that can be written to"),
        ):
            with pytest.raises(SystemExit) as stop:
                run(tmp_path / "run", *options)
            assert stop.value.code == 2
            error = capsys.readouterr().err
            assert error.count("\n") == 1 and says in error
    assert list(tmp_path.iterdir()) == []


def test_libraries_are_imported_when_they_are_used(tmp_path):
    before = "import sys\nassert not any('tensorboard' in name for name in sys.modules)"
    done = run_elsewhere(tmp_path, "--help", before=before)
    assert done.returncode == 0, done.stderr
    for option in ("--metrics-port", "--metrics-address", "--metrics-file", "--no-tensorboard"):
        assert option in done.stdout


def promotion(version: int, elo: float) -> ModelPromoted:
    return ModelPromoted(version, "hex8", 3, version, version - 1, "", 0, elo, elo, None, "", {})


def test_where_a_run_stands():
    status = StatusLine()
    assert status.describe() == ""
    status.start([], [promotion(version, elo) for version, elo in enumerate((0.0, 105.0))])
    status.phase("iterating")
    status.iteration(a_record(1))
    status.event(promotion(2, 210.0))
    assert status.describe() == "iterating  1.5 games/s  20 decisions/s  Elo ▁▅█  0 > 1 > 2 (+210 Elo)"
    assert status.describe(plain=True) == "iterating  1.5 games/s  20 decisions/s  0 > 1 > 2 (+210 Elo)"
    for version in range(3, 9):
        status.event(promotion(version, 200.0))
    assert status.describe(plain=True).endswith("  ... > 4 > 5 > 6 > 7 > 8 (+200 Elo)")
    assert sparkline([5.0, 5.0]) == "▁▁"


@pytest.mark.parametrize("terminal", [True, False])
def test_only_terminals_see_where_a_run_stands(capsys, terminal):
    screen = Screen()
    screen.console = Console(force_terminal=terminal, width=60, highlight=False, soft_wrap=True)
    screen.status.phase("saving")
    with screen.iterating(1, 3):
        screen.say("a line")
    said = capsys.readouterr().out
    assert "a line\n" in said
    assert ("saving" in said) == terminal


def test_every_metric_tells_runs_apart():
    told = Prometheus(CONFIG, "x")
    told.start([a_record(1)], [])
    samples = [sample for family in told.registry.collect() for sample in family.samples]
    assert samples
    assert all(sample.labels.keys() >= set(LABELS) for sample in samples)


if __name__ == "__main__":
    (FILES / "dashboard.json").write_text(dashboard.text())
    PAGE.write_text(documents.renew(DOCS))
