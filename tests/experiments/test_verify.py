"""The verification of claims: verdicts, the exit code, and what is measured when."""

import json
import math
from pathlib import Path

import pytest

from experiments import verify
from experiments.measure.claims import CLAIMS, Claim, Options, Skip
from experiments.measure.claims import state_bytes as measure_state_bytes

OPTIONS = Options(Path(), minutes=1)


def raises(problem: Exception):
    def measure(options):
        raise problem

    return measure


def fake(name: str, figure: float = 2.0, **more) -> Claim:
    return Claim(name, f"what {name} says", lambda options: figure, **more)


@pytest.mark.parametrize(
    ("bounds", "figure", "verdict"),
    [
        ({"at_least": 2}, 2.0, "ok"),
        ({"at_least": 2.1}, 2.0, "MISS"),
        ({"at_most": 2}, 2.0, "ok"),
        ({"at_most": 1.9}, 2.0, "MISS"),
        ({"at_least": 1, "at_most": 3}, 2.0, "ok"),
        ({"at_least": 1, "at_most": 3}, 4.0, "MISS"),
        ({"at_least": 1, "at_most": 3}, 0.0, "MISS"),
        ({"at_most": 3}, math.nan, "MISS"),
    ],
)
def test_a_figure_is_held_against_its_bounds(bounds, figure, verdict):
    assert verify.check(fake("x", figure, **bounds), OPTIONS).verdict == verdict


def test_every_claim_gets_a_line_and_one_that_fails_stops_no_other(tmp_path, capsys, monkeypatch):
    claims = [
        Claim("broken", "", raises(RuntimeError("no\nluck")), at_least=1),
        Claim("elsewhere", "", raises(Skip("there is no such machine")), at_least=1),
        fake("missed", at_least=3, unit=" s"),
        fake("kept", at_least=1),
    ]
    file = tmp_path / "report.json"
    with pytest.raises(SystemExit) as stop:
        verify.main(["--json", str(file)], claims)
    assert stop.value.code == 1
    _, *lines, summary = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["ERROR", "broken"],
        ["skipped", "elsewhere"],
        ["MISS", "missed"],
        ["ok", "kept"],
    ]
    assert lines[0].endswith("RuntimeError: no luck") and lines[1].endswith("there is no such machine")
    assert "2 s" in lines[2] and "claimed: at least 3 s" in lines[2]
    assert summary == "4 claims: 1 ok, 1 MISS, 1 skipped, 1 ERROR"
    report = json.loads(file.read_text())
    assert [claim["measured"] for claim in report["claims"]] == [None, None, 2.0, 2.0]
    assert report["command"].startswith("python -m experiments.verify --json")


@pytest.mark.parametrize(
    ("claim", "code"),
    [
        (fake("kept", at_least=1), 0),
        (Claim("elsewhere", "", raises(Skip("not here")), at_least=1), 0),
        (fake("missed", at_least=3), 1),
        (Claim("broken", "", raises(ValueError("x")), at_least=1), 1),
    ],
)
def test_the_exit_code_is_1_for_a_miss_and_for_an_error(tmp_path, monkeypatch, claim, code):
    try:
        verify.main([], [claim])
    except SystemExit as stop:
        assert stop.code == code
    else:
        assert code == 0


def test_long_ones_are_measured_only_if_asked_for():
    claims = [fake("quick"), fake("long", full=True)]
    assert verify.choose(claims, False, []) == claims[:1]
    assert verify.choose(claims, True, []) == claims
    assert verify.choose(claims, False, ["long"]) == claims[1:]


def test_a_list_measures_nothing(capsys):
    verify.main(["--list"], [Claim("broken", "says it", raises(RuntimeError()), at_least=1, full=True)])
    assert capsys.readouterr().out.split() == ["full", "broken", "at", "least", "1", "says", "it"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "nothing"], "unknown claim 'nothing'; choose from quick"),
        (["--minutes", "0"], "--minutes is 0.0; it must be more than 0"),
        (["--json", "/nowhere/x.json"], "there is no directory /nowhere"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments, said, capsys):
    with pytest.raises(SystemExit) as stop:
        verify.main(arguments, [fake("quick")])
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def test_the_claims_are_bounded_and_have_names_of_their_own():
    assert len({claim.name for claim in CLAIMS}) == len(CLAIMS)
    for claim in CLAIMS:
        assert math.isfinite(claim.at_least) or math.isfinite(claim.at_most)
    (size,) = [claim for claim in CLAIMS if claim.measure is measure_state_bytes]
    assert verify.check(size, OPTIONS).verdict == "ok"
