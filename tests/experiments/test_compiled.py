"""What is read off a program compiled for a card, on texts written by hand, and the budgets of the real one."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from experiments.benchmark import main
from experiments.measure import cards
from experiments.measure.compiled import by_loop
from experiments.measure.hlo import Exchange, Program
from experiments.measure.thunks import Searched, Thunk, Work, parse_thunks, search_of, work
from experiments.measure.traffic import moved
from ringrift_jax.collectives import BY_GAME, Collectives
from ringrift_jax.devices import make_mesh

ROOT = Path(__file__).parents[2]

SEQUENCE = """\
000: kCommandBuffer [source        | next=022 (1) ]
    001: kCustomKernel [source       | next=004 (3)] loop_fusion_17 grid: [32, 1, 1] threads: [128, 1, 1]
    002: kCopy         [source       | sink        ] kCopy
022: kWhile         [prev=000 (1)  | next=000 (1) ]
condition:
    No thunks.  body:
    000: kCommandBuffer [source       | next=103 (1)]
        023: kKernel       [source       | next=024 (1)] one grid: [64, 1, 1] threads: [256, 1, 1]
        024: kConvolution  [source       | next=024 (1)] kConvolution
    103: kWhile         [prev=000 (1) | next=108 (1)]
condition:
        104: kCustomKernel [source       | next=105 (1)] input_fusion_17 grid: [64, 1, 1] threads: [256, 1, 1]
      body:
        000: kCommandBuffer [source | sink]
            105: kCustomKernel [source       | next=106 (1)] two grid: [64, 1, 1] threads: [256, 1, 1]
            106: kCopy         [prev=105 (1) | sink        ] kCopy
        107: kWhile         [prev=000 (1) | next=108 (1)]
condition:
            No thunks.          body:
            108: kCustomKernel [source       | next=105 (1)] three grid: [64, 1, 1] threads: [256, 1, 1]
    109: kConditional   [prev=000 (1) | next=000 (1)]
      false_branch:
        110: kCustomKernel [source       | next=105 (1)] four grid: [64, 1, 1] threads: [256, 1, 1]
      true_branch:
        No thunks.
    111: kCustomKernel [source       | next=105 (1)] five grid: [64, 1, 1] threads: [256, 1, 1]
434: kCustomKernel  [prev=022 (1)  | sink         ] last grid: [64, 1, 1] threads: [256, 1, 1]
"""
"""A kernel and a copy as a graph; a loop with a kernel and a convolution as a graph, a loop with a loop in it, a branch
and a kernel; and a last kernel."""
METADATA = """\
thunk_metadata {
  thunk_info {
    profile_annotation: "while.7"
    thunk_id: 22
  }
  thunk_kind: "kWhile"
}
thunk_metadata {
  thunk_info {
    profile_annotation: "command_buffer"
  }
  thunk_kind: "kCommandBuffer"
}
thunk_metadata {
  thunk_info {
    profile_annotation: "while.9"
    thunk_id: 103
  }
}
"""


def test_what_is_inside_what():
    graph, loop, last = parse_thunks(SEQUENCE, METADATA)
    assert (graph.kind, [inner.kind for inner in graph.parts[""]]) == ("CommandBuffer", ["CustomKernel", "Copy"])
    assert (loop.kind, loop.name, last) == ("While", "while.7", Thunk("CustomKernel"))
    assert list(loop.parts) == ["condition", "body"] and not loop.parts["condition"]
    graph, inner, branch, kernel = loop.parts["body"]
    assert [one.kind for one in graph.parts[""]] == ["Kernel", "Convolution"]
    assert inner.name == "while.9" and [one.kind for one in inner.parts["condition"]] == ["CustomKernel"]
    assert [one.kind for one in inner.parts["body"]] == ["CommandBuffer", "While"]
    assert {name: len(part) for name, part in branch.parts.items()} == {"false_branch": 1, "true_branch": 0}
    assert kernel == Thunk("CustomKernel")


def test_what_a_sequence_starts():
    program = parse_thunks(SEQUENCE, METADATA)
    turn = Work(kernels=2, libraries=1, copies=0, graphs=1, reads=2, in_loops=4)
    outside = Work(kernels=2, copies=1, graphs=1)
    assert work(program, {"while.7": 3}) == outside.and_then(turn, 3)
    assert work(program, {}) == outside.and_then(Work(reads=1, in_loops=6))
    whole = {"while.7": 3, "while.9": 5, "while.2": 5}
    assert work(program[1].parts["body"], whole) == Work(2 + 5, 1, 5, 1 + 5, 1 + 5, 1 + 5)


def test_a_loop_in_a_graph_is_turned_by_the_card():
    inner = Thunk("While", "", {"condition": [], "body": [Thunk("Kernel")]})
    assert work([inner], {}) == Work(reads=1, in_loops=1)
    assert work([Thunk("CommandBuffer", "", {"": [inner]})], {}) == Work(graphs=1, in_loops=1)


def test_a_search_is_found_in_its_ply():
    program = parse_thunks(SEQUENCE, METADATA)
    alone = search_of(program, {"while.7": 3}, simulations=3, chunk=None)
    assert alone.loop == "while.7"
    assert alone.simulation == work(program[1].parts["body"], {}) and alone.ply == work(program, {"while.7": 3})
    within = search_of(program, {"while.7": 8, "while.9": 3}, simulations=3, chunk=8)
    assert within.simulation == Work(kernels=1, copies=1, graphs=1, reads=1, in_loops=1)
    assert within.ply == work(program[1].parts["body"], {"while.9": 3})
    for turns in ({}, {"while.9": 3}, {"while.7": 8}):
        assert search_of(program, turns, simulations=3, chunk=8) == Searched()


@pytest.mark.parametrize("line", ["kernel of no number", "  body:", "000: kKernel\n  body:"])
def test_a_sequence_of_another_form_is_refused(line: str):
    with pytest.raises(ValueError, match="sequence of thunks has"):
        parse_thunks(line)


PROGRAM = """\
HloModule jit_whole, is_scheduled=true

FileNames
1 "learner.py"

FunctionNames
1 "whole"
2 "train"

FileLocations
1 {file_name_id=1 function_name_id=1 line=3 end_line=3 column=1 end_column=9}
2 {file_name_id=1 function_name_id=2 line=7 end_line=7 column=1 end_column=9}

StackFrames
1 {file_location_id=1 parent_frame_id=1}
2 {file_location_id=1 parent_frame_id=1}
3 {file_location_id=2 parent_frame_id=2}

%add.1 (x.1: f32[], y.1: f32[]) -> f32[] {
  %x.1 = f32[] parameter(0)
  %y.1 = f32[] parameter(1)
  ROOT %add.2 = f32[] add(%x.1, %y.1)
}

%inner.1 (p.1: (s32[], f32[8,4])) -> (s32[], f32[8,4]) {
  %p.1 = (s32[], f32[8,4]{1,0}) parameter(0)
  %g.1 = f32[8,4]{1,0} get-tuple-element(%p.1), index=1
  %all-reduce.1 = f32[8,4]{1,0} all-reduce(%g.1), channel_id=2, to_apply=%add.1
  %both.1 = ((s8[3]{0}), (s8[6]{0})) all-gather-start(%g.1), channel_id=3, dimensions={0}
  ROOT %t.1 = (s32[], f32[8,4]{1,0}) tuple(%g.1, %all-reduce.1)
}

%outer.1 (p.2: (s32[], f32[8,4])) -> (s32[], f32[8,4]) {
  %p.2 = (s32[], f32[8,4]{1,0}) parameter(0)
  ROOT %while.2 = (s32[], f32[8,4]{1,0}) while(%p.2), condition=%until.1, body=%inner.1, metadata={op_name="a/while" stack_frame_id=3}
}

%until.1 (p.3: (s32[], f32[8,4])) -> pred[] {
  %p.3 = (s32[], f32[8,4]{1,0}) parameter(0)
  ROOT %c.1 = pred[] constant(true)
}

ENTRY %main.1 (p.4: f32[8,4]) -> (s32[], f32[8,4]) {
  %p.4 = f32[8,4]{1,0} parameter(0)
  %all-gather.1 = (u8[2,5]{1,0}, bf16[7]{0}) all-gather(%p.4, %p.4), channel_id=1, dimensions={0}
  %all-gather-done.1 = u8[9]{0} all-gather-done(%p.4)
  ROOT %while.1 = (s32[], f32[8,4]{1,0}) while(%t.2), condition=%until.1, body=%outer.1, backend_config={"known_trip_count":{"n":"8"}}
}
"""  # noqa: E501 - as XLA writes it


def test_what_devices_tell_each_other_in_a_text():
    program = Program.of(PROGRAM)
    loops = ("while.1", "while.2")
    said = [Exchange("all-gather", 24, ()), Exchange("all-reduce", 128, loops), Exchange("all-gather", 6, loops)]
    assert program.exchanges() == said and program.turns() == {"while.1": 8}
    once, turn = by_loop(program)
    assert (once.loop, once.number, once.bytes, once.kinds) == ("", 1, 24, {"all-gather": 1})
    assert (turn.loop, turn.number, turn.bytes, turn.largest) == ("train", 2, 134, 128)
    with pytest.raises(ValueError, match="no ENTRY"):
        Program.of(PROGRAM.replace("ENTRY ", ""))


def test_what_devices_tell_each_other_in_a_program():
    mesh = make_mesh()

    def talk(x: jax.Array) -> jax.Array:
        peers = Collectives(mesh)
        return jax.lax.fori_loop(0, 3, lambda _, y: peers.mean(jnp.sin(y)), x + peers.gather(x)[0])

    compiled = jax.jit(Collectives(mesh).on_each(talk, (BY_GAME,), BY_GAME)).lower(jnp.ones(16)).compile()
    once, turn = by_loop(Program.of(compiled.as_text() or ""))
    assert (once.loop, once.bytes, once.kinds) == ("", 64, {"all-gather": 1})
    assert turn.loop.endswith("talk") and turn.kinds == {"all-gather": 1, "all-to-all": 1} and turn.largest == 32


MOVES = """\
HloModule jit_moves, is_scheduled=true

FileNames
1 "site-packages/flax/linen/linear.py"
2 "site-packages/ringrift_jax/search/network.py"
3 "site-packages/ringrift_jax/rules/step.py"

FunctionNames
1 "Conv.__call__"
2 "step"

FileLocations
1 {file_name_id=1 function_name_id=1 line=3 end_line=3 column=1 end_column=9}
2 {file_name_id=2 function_name_id=2 line=3 end_line=3 column=1 end_column=9}
3 {file_name_id=3 function_name_id=2 line=3 end_line=3 column=1 end_column=9}

StackFrames
1 {file_location_id=1 parent_frame_id=2}
2 {file_location_id=2 parent_frame_id=2}
3 {file_location_id=3 parent_frame_id=3}

%takes (param_0: f32[100,4], param_1: s32[]) -> f32[1,4] {
  %param_0 = f32[100,4]{1,0} parameter(0)
  %param_1 = s32[] parameter(1)
  %same = f32[100,4]{1,0} bitcast(%param_0)
  ROOT %taken = f32[1,4]{1,0} dynamic-slice(%same, %param_1, %param_1), dynamic_slice_sizes={1,4}
}

%updates (param_0.1: f32[100,4], param_1.1: f32[1,4], param_2: s32[]) -> f32[100,4] {
  %param_0.1 = f32[100,4]{1,0} parameter(0)
  %param_1.1 = f32[1,4]{1,0} parameter(1)
  %param_2 = s32[] parameter(2)
  ROOT %updated = f32[100,4]{1,0} dynamic-update-slice(%param_0.1, %param_1.1, %param_2, %param_2)
}

%turn (p: (s32[], f32[100,4])) -> (s32[], f32[100,4]) {
  %p = (s32[], f32[100,4]{1,0}) parameter(0)
  %i = s32[] get-tuple-element(%p), index=0
  %x = f32[100,4]{1,0} get-tuple-element(%p), index=1
  %fusion.1 = f32[1,4]{1,0} fusion(%x, %i), kind=kLoop, calls=%takes, metadata={op_name="a" stack_frame_id=3}
  %conv.1 = f32[1,4]{1,0} custom-call(%fusion.1), custom_call_target="c", metadata={op_name="b" stack_frame_id=1}
  %fusion.2 = f32[100,4]{1,0} fusion(%x, %conv.1, %i), kind=kLoop, calls=%updates
  ROOT %t = (s32[], f32[100,4]{1,0}) tuple(%i, %fusion.2)
}

%goes_on (p.1: (s32[], f32[100,4])) -> pred[] {
  %p.1 = (s32[], f32[100,4]{1,0}) parameter(0)
  ROOT %c = pred[] constant(true)
}

ENTRY %main (a: (s32[], f32[100,4])) -> (s32[], f32[100,4]) {
  %a = (s32[], f32[100,4]{1,0}) parameter(0)
  ROOT %loop.1 = (s32[], f32[100,4]{1,0}) while(%a), condition=%goes_on, body=%turn
}
"""


def test_what_a_program_moves():
    """A row is taken, a library is called with it, and the row that comes back is put in place."""
    program = Program.of(MOVES)
    row, index = 4 * 4, 4
    expected = {"network": 2 * row, "rules": 2 * row + index, "rest": 2 * row + index}
    assert moved(program, program.body("loop.1")) == expected == moved(program, program.entry)


def test_without_the_compiler_it_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(cards, "_plugin", lambda: None)
    with pytest.raises(SystemExit) as stop:
        main(["compile", "square8", "--what", "ply"])
    error = capsys.readouterr().err
    assert stop.value.code == 2 and error.count("\n") == 1
    assert "install the extra cuda12 or cuda13" in error
    with pytest.raises(ModuleNotFoundError, match="cuda12"):
        cards.make_mesh("h100", 1)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory) -> dict[str, Any]:
    """An iteration of the preset gpu on square8, shared by two cards. Another process compiles it, without the flags
    of the tests."""
    file = tmp_path_factory.mktemp("compiled") / "row.json"
    words = ["-m", "experiments.benchmark", "compile", "square8", "--devices", "2", "--json", str(file)]
    settings = os.environ | {"XLA_FLAGS": "", "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, *words], env=settings, cwd=file.parent, check=True, stdout=subprocess.DEVNULL)
    report = json.loads(file.read_text())
    assert report["run"] is False and report["device"] == "NVIDIA H100 80GB HBM3" and report["devices"] == 2
    (row,) = report["rows"]
    return row


needs_compiler = pytest.mark.skipif(not cards.installed(), reason=cards.NOT_INSTALLED)


@pytest.mark.ci
@needs_compiler
def test_what_a_card_is_given_to_do(compiled):
    """At most 190 kernels a simulation and 40 reads a ply: the descent of each simulation, the rounds of the search for
    wins of the turn."""
    simulation, ply = compiled["simulation"], compiled["ply"]
    assert 100 < simulation["kernels"] <= 190 and simulation["graphs"] <= 11 and simulation["reads"] == 1
    assert ply["kernels"] > compiled["simulations"] * simulation["kernels"]
    assert compiled["simulations"] < ply["reads"] <= 40


@pytest.mark.ci
@needs_compiler
def test_most_of_what_a_simulation_moves_is_the_networks(compiled):
    parts = compiled["moved_bytes"]
    assert {"network", "tree", "rules", "observation"} <= set(parts) and max(parts, key=parts.get) == "network"
    assert 1e9 < sum(parts.values()) < 20e9


@pytest.mark.ci
@needs_compiler
def test_what_a_card_holds(compiled):
    """The arguments are what is estimated without computing, and the peak is all of it within 10 %."""
    estimated = compiled["estimated_bytes"]
    kept = sum(estimated.values()) - estimated["computing"]
    assert compiled["argument_bytes"] == pytest.approx(kept, rel=0.01)
    assert sum(estimated.values()) == pytest.approx(compiled["peak_bytes"], rel=0.1)


@pytest.mark.ci
@needs_compiler
def test_what_cards_tell_each_other(compiled):
    """A gradient at each optimiser step is the most, and nothing is of the size of the ring."""
    said = {one["loop"].rpartition(".")[2]: one for one in compiled["exchanges"]}
    assert {place: one["number"] for place, one in said.items()} == {"": 4, "challenge_champion": 1, "train": 3}
    assert said[""]["largest"] < 170_000 and said["challenge_champion"]["bytes"] < 1000
    # Of the network there are five copies: parameters, their average, two moments of them, and the champion's.
    assert said["train"]["largest"] == pytest.approx(compiled["estimated_bytes"]["network"] / 5, rel=0.001)
