"""What all commands do alike: bad input is one line, any output will do, and JAX starts or says why not."""

import io
import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest

from experiments import (
    benchmark,
    command_line,
    evaluate,
    puzzles,
    regenerate,
    replay,
    report,
    selfplay,
    train,
    verify,
)
from experiments.console import Screen
from experiments.play import __main__ as play

COMMANDS = {
    "benchmark": benchmark, "evaluate": evaluate, "play": play, "puzzles": puzzles,
    "regenerate": regenerate, "replay": replay, "report": report, "selfplay": selfplay, "train": train,
    "verify": verify,
}  # fmt: skip

OPTIONS = [
    ("train square8", "iterations", ["0", "-1", "99999999999"]),
    ("train square8", "hours", ["0", "-1", "nan", "inf"]),
    ("train square8", "until-elo", ["0", "-1", "nan", "inf"]),
    ("train square8", "seed", ["-1", "4294967296"]),
    ("evaluate random --board hex8", "games", ["0", "-1"]),
    ("evaluate random --board hex8", "opening", ["-1"]),
    ("evaluate random --board hex8", "simulations", ["-1"]),
    ("evaluate random --board hex8", "seed", ["-1", "99999999999"]),
    ("play heuristic --board hex8", "simulations", ["-1"]),
    ("play heuristic --board hex8", "seed", ["-1", "99999999999"]),
    ("selfplay .", "games", ["0", "-1"]),
    ("selfplay .", "games-in-parallel", ["0", "-1"]),
    ("selfplay .", "games-per-file", ["0", "-1"]),
    ("selfplay .", "hours", ["0", "-1", "nan", "inf"]),
    ("selfplay .", "seed", ["-1", "99999999999"]),
    ("verify", "minutes", ["0", "-1", "nan", "inf"]),
    ("benchmark env", "batch", ["0", "-1"]),
    ("benchmark env", "steps", ["0", "-1"]),
    ("benchmark env", "repeats", ["0", "-1"]),
    ("benchmark search hex8", "repeats", ["0", "-1"]),
    ("benchmark search hex8", "lanes", ["0", "-1"]),
    ("benchmark selfplay hex8", "repeats", ["0", "-1"]),
    ("benchmark compile hex8", "devices", ["0", "-1"]),
]
"""Options that are numbers, with what they may not be."""

LINES = [
    *((f"{command} --{name} {value}", f"--{name} is ") for command, name, values in OPTIONS for value in values),
    *((f"{command} --{name} 1.5x", f"--{name}") for command, name, _ in OPTIONS),
    *((f"{command} --{name} EMPTY", "an argument is empty") for command, name, _ in OPTIONS),
    ("train square8 --preset tiny --search.simulations 2.5", "--search.simulations"),
    ("train square8 --preset tiny --learner.learning-rate nan", "learning_rate is nan; it must be a finite number"),
    ("train square8 --preset tiny --learner.learning-rate inf", "learning_rate is inf; it must be a finite number"),
    ("train square8 --preset tiny --gates.max-length -1", "max_length is -1.0; it must be at least 0"),
    ("train EMPTY", "an argument is empty"),
    ("train square8 --run-dir EMPTY", "an argument is empty"),
    ("train square8 --preset tiny --run-dir FILE", "cannot write to FILE: File exists; choose another --run-dir"),
    ("train square8 --preset tiny --metrics-file none/x.prom", "none must be a directory that can be written to"),
    ("evaluate EMPTY", "an argument is empty"),
    ("evaluate none", "there is no directory none"),
    ("evaluate none --ladder", "there is no directory none"),
    ("evaluate FILE", "there is no directory FILE"),
    ("evaluate random --board hex8 --against none", "unknown player 'none'; it must be random, heuristic"),
    ("evaluate random --board hex8 --json none/x.json", "--json is none/x.json, but there is no directory none"),
    ("evaluate random --board hex8 --json .", "--json is ., which is a directory; it must be a file"),
    ("evaluate random --board hex8 --judge 4", "--judge needs a run, and random is none"),
    ("evaluate random --board hex8 --turns 4", "--turns needs a run, and random is none"),
    ("play random --board hex8 --turns 4", "--turns needs a run, and random is none"),
    ("play random --board hex8 --turns 4 --simulations 4", "--turns and --simulations are two ways to decide"),
    ("evaluate random --board hex8 --puzzles none", "No such file or directory: 'none'"),
    ("evaluate random --board hex8 --puzzles FILE", "FILE: no puzzle is of hex8, 2 players"),
    ("evaluate tactician:none --board hex8", "tactician:none does not play without a run"),
    ("evaluate random --board hex8 --against tactician:none", "unknown player 'none'; it must be random, heuristic"),
    ("play EMPTY", "an argument is empty"),
    ("play --seat 2", "name an opponent: a board such as square8"),
    ("play --puzzles none", "No such file or directory: 'none'"),
    ("play --puzzles FILE", "FILE has no puzzle with a win"),
    ("puzzles EMPTY --out x.jsonl", "an argument is empty"),
    ("puzzles FILE", "--out"),
    ("puzzles FILE --out none/x.jsonl", "--out is none/x.jsonl, but there is no directory none"),
    ("puzzles none --out x.jsonl", "No such file or directory: 'none'"),
    ("puzzles FILE --out x.jsonl", "FILE: no game was won by whoever moved last"),
    ("play runs/typo", "runs/typo is neither a run with champions nor RUN/champions/VERSION"),
    ("play heuristic --board hex8 --seat 3", "--seat is 3; seats are 1 to 2"),
    ("play heuristic --board hex8 --seat nan", "--seat"),
    ("play heuristic --board hex8 --web --port -1", "--port -1 cannot be used"),
    ("play heuristic --board hex8 --web --port 99999", "--port 99999 cannot be used"),
    ("replay EMPTY", "an argument is empty"),
    ("replay none", "there is no none"),
    ("replay .", "Is a directory"),
    ("replay FILE --game 0", "--game is 0; games are counted from 1"),
    ("replay FILE --game 1 --html none/x.html", "--html is none/x.html, but there is no directory none"),
    ("replay FILE --game 1 --wins", "--wins marks moves on a page; say where to write it with --html"),
    ("replay FILE --game 1 --html .", "--html is ., which is a directory"),
    ("report EMPTY", "an argument is empty"),
    ("report none", "there is no directory none"),
    ("report FILE", "there is no directory FILE"),
    ("report .", ". is not a run: it has none of config.json"),
    ("selfplay EMPTY", "an argument is empty"),
    ("selfplay none", "none is not a training run: it has no config.json"),
    ("selfplay FILE", "FILE is not a training run: it has no config.json"),
    ("regenerate EMPTY --last", "an argument is empty"),
    ("regenerate none --last", "there is no none/config.json"),
    ("regenerate FILE --last", "there is no FILE/config.json"),
    ("verify --only EMPTY", "an argument is empty"),
    ("verify --only none", "unknown claim 'none'"),
    ("verify --json none/x.json", "--json is none/x.json, but there is no directory none"),
    ("benchmark EMPTY", "unknown benchmark ''"),
    ("benchmark env --boards none", "unknown board 'none'"),
    ("benchmark env --players 5", "num_players is 5; it must be 2 to 4"),
    ("benchmark env --json none/x.json", "--json is none/x.json, but there is no directory none"),
    ("benchmark search hex8 --json none/x.json", "--json is none/x.json, but there is no directory none"),
    ("benchmark turns none", "none is neither a run with champions nor RUN/champions/VERSION"),
    ("benchmark turns random", "random needs --board"),
    ("benchmark turns random --board hex8 --nodes 0", "--nodes is 0; it must be at least 1"),
    ("benchmark turns random --board hex8 --json none/x.json", "--json is none/x.json, but there is no directory none"),
    ("benchmark selfplay hex8 --json none/x.json", "--json is none/x.json, but there is no directory none"),
    ("benchmark compile hex8 --json none/x.json", "--json is none/x.json, but there is no directory none"),
    ("benchmark compile hex8 --device a100", "invalid choice 'a100'"),
    ("benchmark compile hex8 --devices 3", "--devices is 3; it must divide self_play.lanes, which is 4096"),
]  # fmt: skip


def main(line: str) -> None:
    name, *arguments = line.split()
    COMMANDS[name].main(["" if argument == "EMPTY" else argument for argument in arguments])


@pytest.mark.parametrize(("line", "said"), LINES, ids=lambda text: text[:60])
def test_bad_input_is_one_line_and_exit_code_2(line, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "cache"))  # leaves JAX's own setting alone
    (tmp_path / "FILE").write_text("")
    with pytest.raises(SystemExit) as stop:
        main(line)
    out, error = capsys.readouterr()
    assert stop.value.code == 2, error
    assert error.startswith("error: ") and error.count("\n") == 1
    assert said in error
    assert out == "" or out.startswith("hex8, 2 players")
    assert [path.name for path in tmp_path.iterdir()] == ["FILE"]


@pytest.mark.parametrize("line", ["report .", "selfplay .", "regenerate . --last", "train square8 --run-dir ."])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"board": "square8", "loop": {"search": {"simulations": 8.5}}}', "loop.search.simulations: Expected `int`"),
        ('{"board": "square8", "loop": {"self_play": {"lanes": "16"}}}', "loop.self_play.lanes: Expected `int`"),
        ('{"num_players": 2}', "missing required field `board`"),
        ('{"board": "square8", "boards": 2}', "boards is no setting"),
        ('{"board": ', "Expecting value"),
    ],
)
def test_a_damaged_file_of_settings_is_named(line, text, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "cache"))
    Path("config.json").write_text(text)
    if line.startswith("report"):  # it says so in its place
        main(line)
        assert said in Path("report.html").read_text().replace("&#x27;", "'")
        return
    with pytest.raises(SystemExit) as stop:
        main(line)
    error = capsys.readouterr().err
    assert stop.value.code == 2 and error.count("\n") == 1
    assert error.startswith("error: config.json is damaged or of another version of ringrift_jax: ") and said in error


def ascii_stream() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="ascii")


def test_output_that_cannot_encode_a_character_gets_another(monkeypatch):
    stream = ascii_stream()
    monkeypatch.setattr(sys, "stdout", stream)

    @command_line.command
    def main() -> None:
        print("arena +0.25 ± 0.10 in 4 games, ♜")

    main()
    assert stream.buffer.getvalue() == b"arena +0.25 +- 0.10 in 4 games, ?\n"  # pyright: ignore


def test_training_goes_on_where_the_output_is_ascii(monkeypatch):
    stream = ascii_stream()
    monkeypatch.setattr(sys, "stdout", stream)
    line = dict.fromkeys(
        ("seconds", "games_per_second", "policy_loss", "target_entropy", "value_loss", "mean_depth"), 1.0
    )
    arena = {"arena_score": 0.25, "arena_error": 0.1, "arena_games": 4, "verdict": "promoted"}
    gain = {"promoted": True, "gain_score": 0.125, "gain_error": 0.06, "gain_games": 60}
    counts = dict.fromkeys(("iteration", "games", "max_depth", "champion", "champion_elo", "steps"), 1)

    @command_line.command
    def main() -> None:
        screen = Screen()
        with screen.iterating(0, 2):
            screen.iteration(line | arena | gain | counts | {"loss": 1.0, "gates": {}}, 2)

    main()
    said = stream.buffer.getvalue()  # pyright: ignore
    assert b"arena +0.25 +- 0.10 in 4 games, promoted  gain +0.12 +- 0.06 in 60 others" in said


def test_ctrl_c_is_exit_code_130(capsys):
    @command_line.command
    def main() -> None:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 130
    assert capsys.readouterr().err == "interrupted\n"


def elsewhere(command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A shell command in another process; PYTHON stands for the interpreter."""
    settings = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])} | environment
    command = command.replace("PYTHON", f"{sys.executable} -W error -m")
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, env=settings, check=False
    )


def test_every_command_works_on_any_output():
    for module in COMMANDS.values():
        assert module.main.__wrapped__, module
    done = elsewhere("PYTHON experiments.train --help", TERM="dumb", NO_COLOR="1", PYTHONIOENCODING="ascii")
    assert done.returncode == 0 and done.stderr == "" and "\x1b" not in done.stdout
    assert done.stdout.isascii()


def test_a_reader_that_has_gone_ends_a_command_quietly():
    done = elsewhere("PYTHON experiments.verify --list | true")
    assert done.stderr == "" and done.returncode == 1


@pytest.mark.parametrize(
    "line",
    [
        "train square8 --preset tiny",
        "train square8",
        "evaluate random --board square8 --against heuristic",
        "benchmark env",
        "benchmark search square8",
        "benchmark turns heuristic --board square8",
    ],
)
def test_a_backend_that_is_not_there_is_one_line(line, monkeypatch, capsys, tmp_path):
    def missing():
        raise AssertionError

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(jax, "devices", missing)
    monkeypatch.setattr(jax, "default_backend", missing)
    monkeypatch.setattr(command_line, "asked_platforms", lambda: "cuda")
    with pytest.raises(SystemExit) as stop:
        main(line)
    assert stop.value.code == 2
    assert capsys.readouterr().err == (
        "error: JAX cannot start on cuda: there is no such device, or its plugin is not installed; "
        "JAX_PLATFORMS=cpu always works\n"
    )
    assert not list(tmp_path.iterdir())


def test_jax_platforms_without_such_a_device():
    done = elsewhere(
        "PYTHON experiments.train square8 --preset tiny", JAX_PLATFORMS="rocm", JAX_SKIP_PJRT_C_API_GPU="1"
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: JAX cannot start on rocm: ") and done.stderr.count("\n") == 1


def test_a_gpu_that_does_not_start_is_a_warning_with_the_reason(monkeypatch, capsys):
    assert command_line.choose_preset("auto") == "cpu"
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(jax, "default_backend", lambda: "cpu")
    errors = {"cuda": "CUDA_ERROR_NO_DEVICE\nlong story", "tpu": "no TPU"}
    monkeypatch.setattr(sys.modules["jax._src.xla_bridge"], "_backend_errors", errors)
    assert command_line.choose_preset("auto") == "cpu"
    assert capsys.readouterr().err == (
        "warning: the GPU does not start (CUDA_ERROR_NO_DEVICE); going on with the preset cpu\n"
    )
    assert command_line.choose_preset("gpu") == "gpu"
    assert capsys.readouterr().err.startswith("warning: the GPU does not start (CUDA_ERROR_NO_DEVICE); an iteration of")
    monkeypatch.setattr(sys.modules["jax._src.xla_bridge"], "_backend_errors", {})
    assert command_line.choose_preset("gpu") == "gpu"
    assert capsys.readouterr().err.startswith("warning: there is no GPU; an iteration of the preset gpu takes many min")
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert command_line.choose_preset("gpu") == command_line.choose_preset("auto") == "gpu"
    assert command_line.choose_preset("tiny") == "tiny"
    assert capsys.readouterr().err == ""


def test_the_preset_gpu_ends_where_no_backend_starts(monkeypatch, capsys):
    def broken():
        raise RuntimeError("the plugin is broken")

    monkeypatch.setattr(jax, "default_backend", broken)
    with pytest.raises(SystemExit) as stop:
        command_line.choose_preset("gpu")
    assert stop.value.code == 2 and "the plugin is broken" in capsys.readouterr().err


@pytest.mark.parametrize("given", [None, "true"])
@pytest.mark.parametrize("start", [command_line.start_jax, lambda: command_line.choose_preset("auto")])
def test_a_gpu_is_shared_with_other_processes_unless_told_otherwise(monkeypatch, start, given):
    name, seen = "XLA_PYTHON_CLIENT_PREALLOCATE", []
    monkeypatch.setenv(name, given or "")
    if not given:
        monkeypatch.delenv(name)
    for ask in ("devices", "default_backend"):
        monkeypatch.setattr(jax, ask, lambda: seen.append(os.environ.get(name)) or "cpu")
    monkeypatch.setattr(jax.config, "update", lambda *_: None)
    start()
    assert seen == [given or "false"]


def test_waiting_is_told_on_a_terminal_only(monkeypatch, capsys):
    with command_line.waiting("compiling [1] match"):
        pass
    assert capsys.readouterr() == ("", "")
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich then takes the output for a terminal
    monkeypatch.setenv("TERM", "xterm")
    with command_line.waiting("compiling [1] match"):
        pass
    out, error = capsys.readouterr()
    assert out == "" and "compiling [1] match" in error
