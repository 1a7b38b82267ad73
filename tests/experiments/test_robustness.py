"""What a run survives: a disk that is full whatever is being written, and champions that somebody deleted."""

import os
import resource
import shutil
from contextlib import contextmanager

import chex
import pytest
from toy_runs import records, run, run_elsewhere, stories, use_toy_game, without_timings

from experiments import evaluate
from experiments.command_line import use_deterministic_kernels
from ringrift_jax.devices import deterministic_kernels
from ringrift_jax.runs import history, registry, training
from ringrift_jax.runs.champion_files import champion_versions, load_champion
from ringrift_jax.runs.checkpoints import Checkpoints
from ringrift_jax.runs.directory import RunDirectory
from ringrift_jax.runs.events import EventLog, RunStarted, read

FULL = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))"
"""No file may grow from here on: as on a full disk, but the error is EFBIG rather than ENOSPC."""

pytestmark = [
    pytest.mark.usefixtures("toy"),
    # Writes that were given up leave coroutines nobody awaits.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A run of 6 iterations, in which champion 1 and 2 are made."""
    path = tmp_path_factory.mktemp("undisturbed")
    with pytest.MonkeyPatch.context() as patch:
        use_toy_game(patch)
        run(path, "--iterations", "6")
    assert [record["champion"] for record in records(path)] == [0, 0, 1, 2, 2, 2]
    return path


@pytest.fixture
def disk(monkeypatch):
    """Makes the disk full from a call of a function on until the context ends."""

    @contextmanager
    def full_from(owner, name, when):
        limits, real = resource.getrlimit(resource.RLIMIT_FSIZE), getattr(owner, name)

        def write(*arguments):
            if when(*arguments):
                resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
            return real(*arguments)

        with monkeypatch.context() as patch:
            patch.setattr(owner, name, write)
            try:
                yield
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    return full_from


def same(path, other) -> None:
    assert without_timings(path) == without_timings(other)
    assert stories(path) == stories(other)
    versions = champion_versions(path / "champions")
    assert versions == champion_versions(other / "champions")
    assert sorted(p.name for p in (path / "champions").iterdir()) == [str(version) for version in versions]
    for version in versions:
        chex.assert_trees_all_equal(*(load_champion(p / "champions" / str(version)) for p in (path, other)))


@pytest.mark.parametrize(
    ("owner", "name", "when", "lost"),
    [
        (RunDirectory, "append_metrics", lambda self, record: record["iteration"] == 3, "metrics.jsonl"),
        (EventLog, "append", lambda self, event: event.kind() == "model_promoted" and event.version, "events.jsonl"),
        # It is written in the background, so the next iteration may find out first.
        (Checkpoints, "save", lambda self, state: state.iteration == 4, "checkpoints|events.jsonl"),
        (Checkpoints, "save", lambda self, state: state.iteration == 6, "checkpoints"),
        (history, "save_champion", lambda directory, version, *_: version == 2, "champions/2"),
        (history, "save_champion", lambda directory, version, *_: version == 0, "champions/0"),
    ],
)
def test_a_full_disk_ends_a_run_which_then_goes_on(
    undisturbed, tmp_path, disk, monkeypatch, capsys, owner, name, when, lost
):
    monkeypatch.setattr(training, "SAVING_SHARE", 1.0)  # save after every iteration
    with disk(owner, name, when), pytest.raises(SystemExit) as stop:
        run(tmp_path, "--iterations", "6")
    assert stop.value.code == 2
    assert capsys.readouterr().err in [
        f"error: cannot write {tmp_path / name}: File too large; "
        f"make space for {tmp_path}, then the same command continues from the last checkpoint\n"
        for name in lost.split("|")
    ]
    run(tmp_path, "--iterations", "6")
    if lost != "champions/0":
        assert "continuing after iteration" in capsys.readouterr().out
    same(tmp_path, undisturbed)


def test_a_disk_that_is_full_from_the_start(undisturbed, tmp_path, disk, capsys):
    with disk(RunDirectory, "open", lambda *_: True), pytest.raises(SystemExit) as stop:
        run(tmp_path, "--iterations", "6")
    assert stop.value.code == 2
    assert capsys.readouterr().err == (f"error: cannot write to {tmp_path}: File too large; choose another --run-dir\n")
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]
    run(tmp_path, "--iterations", "6")
    same(tmp_path, undisturbed)


def test_the_threads_that_write_checkpoints_print_nothing(undisturbed, tmp_path):
    before = f"""
from ringrift_jax.runs import training
from ringrift_jax.runs.checkpoints import Checkpoints
training.SAVING_SHARE, save = 1.0, Checkpoints.save
def full(self, state):
    if state.iteration == 6:
        exec({FULL!r})
    save(self, state)
Checkpoints.save = full
"""
    done = run_elsewhere(tmp_path, "--iterations", "6", before=before)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"error: cannot write {tmp_path / 'checkpoints'}: File too large; ")


def test_a_deleted_champion_is_written_again(undisturbed, tmp_path, capsys):
    path = tmp_path / "run"
    run(path, "--iterations", "5")
    shutil.rmtree(path / "champions" / "2")
    capsys.readouterr()
    assert registry.select_model(path).why.endswith(f"; missing from {path / 'champions'}: champion 2")

    (path / "champions" / "2").mkdir()  # what an interrupted rm leaves
    (path / "champions" / "3.orbax-checkpoint-tmp").mkdir()  # what a full disk leaves
    run(path, "--iterations", "6")
    said = capsys.readouterr().out
    assert f"champion 2 was missing from {path / 'champions'}; it is written again from the checkpoint\n" in said
    assert registry.missing_champions(path) == []
    same(path, undisturbed)


def test_training_goes_on_without_any_champion(undisturbed, tmp_path, capsys):
    path = tmp_path / "run"
    shutil.copytree(undisturbed, path)
    shutil.rmtree(path / "champions")
    with pytest.raises(SystemExit) as stop:
        evaluate.main([str(path)])
    assert stop.value.code == 2
    assert capsys.readouterr().err == (
        f"error: {path / 'champions'} lacks champion 0, 1, 2; continuing the run with python -m experiments.train "
        "writes the newest again\n"
    )
    run(path, "--iterations", "7")
    said = capsys.readouterr().out
    assert "champion 2 was missing from" in said
    assert f"missing from {path / 'champions'}: champion 0, 1; training does not need them\n" in said
    assert len(records(path)) == 7
    chex.assert_trees_all_equal(*(load_champion(p / "champions" / "2") for p in (path, undisturbed)))


def test_evaluate_says_which_champion_it_does_not_have(undisturbed, tmp_path, capsys):
    path = tmp_path / "run"
    shutil.copytree(undisturbed, path)
    shutil.rmtree(path / "champions" / "2")
    with pytest.raises(SystemExit):
        evaluate.main([str(path), "--against", "nobody"])  # so that nothing has to be played
    assert f"{path / 'champions'} lacks champion 2, so champion 1 plays; " in capsys.readouterr().err


@pytest.mark.ci
def test_a_deterministic_run_in_another_process_is_the_same_run(undisturbed, tmp_path, monkeypatch):
    done = run_elsewhere(tmp_path, "--iterations", "6", "--deterministic")
    assert done.returncode == 0, done.stderr
    assert without_timings(tmp_path) == without_timings(undisturbed)
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=false")
    use_deterministic_kernels()
    assert os.environ["XLA_FLAGS"] == "--xla_cpu_enable_fast_math=false --xla_gpu_deterministic_ops=true"
    started = [next(event for event in read(path) if isinstance(event, RunStarted)) for path in (tmp_path, undisturbed)]
    assert [event.deterministic for event in started] == [True, False]


@pytest.mark.parametrize(
    ("flags", "expected"),
    [("", False), ("--xla_gpu_deterministic_ops", True), ("--xla_gpu_deterministic_ops=false --xla_x=1", False)],
)
def test_flags_of_xla_say_whether_kernels_are_deterministic(flags, expected, monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", flags)
    assert deterministic_kernels() == expected
    use_deterministic_kernels()
    assert deterministic_kernels()
