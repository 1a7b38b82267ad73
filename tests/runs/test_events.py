"""The event log: what is written is read, it is rewound, and it can be followed while it is written."""

import json
import threading

import pytest

from ringrift_jax.runs import events
from ringrift_jax.runs.directory import RunDirectory
from ringrift_jax.runs.events import Alert, CandidateEvaluated, EventLog, ModelPromoted, RunStarted, RunStopped
from ringrift_jax.runs.files import whole_lines

PROMOTED = ModelPromoted(
    4, "hex8", 3, 1, 0, "champions/1", 70, 25.5, 25.5, (3.0, 48.0), "0123456789ab", {"unique": True}
)
STORY = [
    RunStarted(0, "hex8", 3, "tiny", "cpu", False),
    CandidateEvaluated(2, 0, -0.25, None, 12),
    PROMOTED,
    Alert(5, "not_finite", "3 steps"),
    RunStopped(6, "6 iterations"),
]


@pytest.fixture
def log(tmp_path):
    log = EventLog(tmp_path)
    for event in STORY:
        log.append(event)
    return log


def test_what_is_written_is_read(log, tmp_path):
    assert events.read(tmp_path) == STORY
    line = json.loads(log.path.read_text().splitlines()[2])
    assert line["kind"] == "model_promoted"
    assert line["format"] == events.FORMAT
    assert line["time"] > 1.7e9
    assert events.read(log.path.parent.parent) == []


def test_older_logs_do_not_say_what_was_not_known_then(tmp_path):
    line = json.loads(events.to_line(RunStarted(0, "hex8", 3, "tiny", "cpu", False, True), 5.0))
    assert line.pop("deterministic")
    (tmp_path / events.FILE).write_text(json.dumps(line) + "\n")
    assert events.read(tmp_path) == STORY[:1]


def test_half_a_line_is_not_read_and_a_rewound_log_goes_on(log, tmp_path):
    with log.path.open("a") as file:
        file.write('{"format": 1, "ki')
    assert events.read(tmp_path) == STORY
    log.rewind(4)
    assert events.read(tmp_path) == STORY[:3]
    log.append(STORY[4])
    assert events.read(tmp_path) == [*STORY[:3], STORY[4]]
    log.rewind(-1)
    assert events.read(tmp_path) == []


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("[]", "not an event"),
        ("no JSON", "not an event, JSONDecodeError"),
        ('{"format": 1, "kind": "party", "iteration": 3}', "not an event, KeyError 'party'"),
        ('{"format": 1, "kind": "run_stopped", "iteration": 3}', "missing required field `reason`"),
        ('{"format": 1, "kind": "run_stopped", "iteration": 3.5, "reason": "x"}', "Expected `int`, got `float`"),
        ('{"format": 2, "kind": "run_stopped", "iteration": 3, "reason": "x"}', "formats up to 1"),
    ],
)
def test_a_damaged_line_is_quoted(log, tmp_path, line, says):
    with log.path.open("a") as file:
        file.write(line + "\n")
    with pytest.raises(ValueError, match=says) as raised:
        events.read(tmp_path)
    assert line in str(raised.value)
    assert str(raised.value).startswith(f"{log.path}, line {len(STORY) + 1}: ")
    with pytest.raises(ValueError, match=f"line {len(STORY) + 1}: "):
        log.rewind(9)
    with pytest.raises(ValueError, match=f"line {len(STORY) + 1}: "):
        list(events.subscribe(tmp_path, stop=lambda: True))


@pytest.mark.parametrize("line", ["{", "[]", "7", ""])
def test_a_damaged_line_of_metrics_is_named(tmp_path, line):
    directory = RunDirectory(tmp_path)
    directory.append_metrics({"iteration": 1})
    directory.append_metrics({"iteration": 2})
    assert directory.read_metrics() == [{"iteration": 1}, {"iteration": 2}]
    with directory.metrics.open("a") as file:
        file.write(line + "\n")
    with pytest.raises(ValueError, match=f"^{directory.metrics}, line 3: "):
        directory.read_metrics()


def test_fields_of_the_future_are_left_out():
    assert events.from_line(events.to_line(PROMOTED, 1.0)[:-1] + ', "new": 1}') == PROMOTED


def test_subscribers_see_each_event_once_across_restarts(tmp_path):
    """The log is followed from before it exists, with half a line in it, over a rewind, to the end."""
    got: list[events.Event] = []
    looks = threading.Semaphore(0)
    looked = threading.Semaphore(0)
    finished = threading.Event()

    def stop() -> bool:
        looked.release()
        looks.acquire(timeout=60)
        return finished.is_set()

    def look() -> None:
        looks.release()
        looked.acquire(timeout=60)

    follower = threading.Thread(target=lambda: got.extend(events.subscribe(tmp_path, poll=0, stop=stop)))
    follower.start()
    looked.acquire(timeout=60)
    look()
    assert got == []
    log = EventLog(tmp_path)
    log.append(STORY[0])
    line = events.to_line(STORY[1], 5.0) + "\n"
    with log.path.open("a") as file:
        file.write(line[:20])
    look()
    with log.path.open("a") as file:
        file.write(line[20:])
    look()
    log.append(STORY[2])
    look()
    log.rewind(2)
    log.append(STORY[3])
    log.append(STORY[2])
    finished.set()
    looks.release()
    follower.join(timeout=60)
    assert not follower.is_alive()
    assert got == [STORY[0], STORY[1], STORY[2], STORY[3], STORY[2]]


def test_a_log_that_has_not_changed_is_not_read_again(log, tmp_path, monkeypatch):
    reads, looks = [], iter(range(6))
    monkeypatch.setattr(events, "whole_lines", lambda path: reads.append(path) or whole_lines(path))

    def stop() -> bool:
        look = next(looks)
        if look == 3:
            log.append(STORY[0])
        if look == 4:
            log.rewind(2)
        return look == 5

    assert list(events.subscribe(tmp_path, poll=0, stop=stop)) == [*STORY, STORY[0], STORY[0]]
    assert len(reads) == 4  # at the first look and after each change; the rewind reads as well


def test_subscribers_choose_kinds(log, tmp_path):
    assert list(events.subscribe(tmp_path, ["model_promoted", "alert"], stop=lambda: True)) == [PROMOTED, STORY[3]]
    with pytest.raises(ValueError, match="unknown kind 'promotion'; it must be one of run_started"):
        events.subscribe(tmp_path, ["promotion"])
