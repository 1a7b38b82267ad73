"""The benchmark on a toy subject, and its command line."""

import json
from dataclasses import asdict
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest
from rich.console import Console

from experiments import timing
from experiments.benchmark import rules
from experiments.benchmark.__main__ import main


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
    def slow(x):
        for _ in range(60):
            x = jnp.sort(jnp.sin(x) @ x)
        return x

    folder = "jax_compilation_cache_dir"
    before = getattr(jax.config, folder)
    with timing.empty_compilation_cache():
        cold, warm = (timing.compile_seconds(slow, jnp.ones((4, 4))) for _ in range(2))
    assert warm < cold / 2
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


@pytest.mark.slow
def test_one_real_row(tmp_path: Path):
    file = tmp_path / "rows.json"
    options = ["--boards", "square8", "--players", "2", "--batch", "16", "--repeats", "2", "--json", str(file)]
    main(["env", *options, "--no-pgx"])
    (row,) = json.loads(file.read_text())["rows"]
    assert row["game"] == "square8-2p" and row["state_bytes"] <= 480 and row["jaxpr_lines"] <= 6000
