"""What XLA has the host do to run a program on a card, read off the sequence of thunks that it writes down.

A thunk is one thing the host starts: a kernel, a call of a library, a copy, a CUDA graph of these. A loop is a thunk
with two sequences, its condition and its body. Where the compiler does not know how often a loop turns, the host reads
the condition from the card before each turn and after the last, and waits for all that was started before. In a CUDA
graph the card does it alone.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

_THUNK = re.compile(r"^( *)(\d+): k(\w+)")
_PART = re.compile(r"^( *)(\w+):\s*$")
_EMPTY = re.compile(r"^ *No thunks\.")  # of a sequence, and the line goes on with what comes next
_NAME = re.compile(r'profile_annotation: "([^"]*)"\s+thunk_id: (\d+)')

_LIBRARIES = ("Convolution", "Gemm", "CublasLtMatmul", "Cudnn", "CuDnn", "Norm", "Fft", "CubSort", "TriangularSolve")


@dataclass(frozen=True)
class Thunk:
    """One line of the sequence, and what is inside.

    Attributes:
      kind: as XLA calls it, without its k.
      name: of the instruction it comes from; empty where it comes from none.
      parts: the sequences in it by their names: ``condition`` and ``body`` of a loop, the branches of a conditional;
        a CUDA graph has one without a name.
    """

    kind: str
    name: str = ""
    parts: dict[str, list["Thunk"]] = field(default_factory=dict)


def parse_thunks(sequence: str, metadata: str = "") -> list[Thunk]:
    """The thunks of a program.

    Args:
      sequence: XLA's ``thunk_sequence_after_thunk_passes.txt``.
      metadata: its ``thunk_metadata.txt``, which has the names.

    Raises:
      ValueError: a line is not understood.
    """
    names = {int(number): name for name, number in _NAME.findall(metadata)}
    program: list[Thunk] = []
    inside: list[tuple[int, Thunk]] = []  # from the outside in: a thunk and its indentation

    for line in sequence.splitlines():
        line = _EMPTY.sub("", line)
        if found := _THUNK.match(line):
            indent, number, kind = len(found[1]), int(found[2]), found[3]
            while inside and inside[-1][0] >= indent:
                inside.pop()
            thunk = Thunk(kind, names.get(number, ""))
            if inside:
                parts = inside[-1][1].parts
                parts.setdefault(next(reversed(parts), ""), []).append(thunk)
            else:
                program.append(thunk)
            inside.append((indent, thunk))
        elif found := _PART.match(line):
            if found[2] != "condition":  # which is not indented, and comes at once
                while inside and inside[-1][0] > len(found[1]) - 2:
                    inside.pop()
            if not inside or inside[-1][1].kind not in ("While", "Conditional"):
                raise ValueError(f"the sequence of thunks has {line.strip()!r} outside of loops and conditionals")
            inside[-1][1].parts[found[2]] = []
        elif line.strip():
            raise ValueError(f"the sequence of thunks has a line that is no thunk: {line.strip()!r}")
    return program


class Work(NamedTuple):
    """What a sequence starts. Inner loops that turn as often as the compiler knows are counted turn by turn.

    Attributes:
      kernels: outside of other loops and of branches.
      libraries: calls of cuDNN, cuBLAS and the like there.
      copies: of memory, and memory that is set, there.
      graphs: CUDA graphs there, in which most of these are.
      reads: how often the host reads a number before it goes on, at least: the condition of each loop once, and the
        predicate of each conditional.
      in_loops: kernels of the other loops and the branches, each once, conditions too.
    """

    kernels: int = 0
    libraries: int = 0
    copies: int = 0
    graphs: int = 0
    reads: int = 0
    in_loops: int = 0

    def and_then(self, other: "Work", times: int = 1) -> "Work":
        """Both."""
        return Work(*(mine + times * more for mine, more in zip(self, other, strict=True)))


def work(sequence: Sequence[Thunk], turns: Mapping[str, int], in_graph: bool = False) -> Work:
    """What a sequence starts. ``turns``: how often loops turn, by their names; ``in_graph``: whether it is in a CUDA
    graph."""
    total = Work()
    for thunk in sequence:
        if thunk.kind == "CommandBuffer":
            inside = [part for parts in thunk.parts.values() for part in parts]
            total = total.and_then(Work(graphs=1)).and_then(work(inside, turns, True))
        elif thunk.kind == "While" and thunk.name in turns:
            total = total.and_then(work(thunk.parts["body"], turns, in_graph), turns[thunk.name])
        elif thunk.parts:
            inner = [work(part, turns, in_graph) for part in thunk.parts.values()]
            kernels = sum(part.kernels + part.in_loops for part in inner)
            # The condition of a loop is known before its first turn, whatever is read in it.
            reads = 0 if in_graph else 1 + (inner[0].reads if thunk.kind == "While" else 0)
            total = total.and_then(Work(reads=reads, in_loops=kernels))
        elif thunk.kind.endswith("Kernel"):
            total = total.and_then(Work(kernels=1))
        elif thunk.kind in _LIBRARIES:
            total = total.and_then(Work(libraries=1))
        elif "Copy" in thunk.kind or thunk.kind.startswith("Mem"):
            total = total.and_then(Work(copies=1))
    return total


class Searched(NamedTuple):
    """What a search starts; None where it has not been found.

    Attributes:
      simulation: in one simulation.
      ply: in one ply, all its simulations included.
      loop: the name of the loop over simulations.
    """

    simulation: Work | None = None
    ply: Work | None = None
    loop: str | None = None


def search_of(program: Sequence[Thunk], turns: Mapping[str, int], simulations: int, chunk: int | None) -> Searched:
    """The search of a program: the largest loop that turns ``simulations`` times, and the ply around it, which is a
    turn of a loop that turns ``chunk`` times, or the whole program where there is no chunk."""
    plies = [program] if chunk is None else [loop.parts["body"] for loop in loops(program, turns, chunk)]
    found = [
        Searched(work(simulation.parts["body"], turns), work(ply, turns), simulation.name)
        for ply in plies
        for simulation in loops(ply, turns, simulations)
    ]
    return max(found, default=Searched())


def loops(sequence: Sequence[Thunk], turns: Mapping[str, int], times: int) -> Iterator[Thunk]:
    """All loops that turn so many times, however deep."""
    for thunk in sequence:
        if thunk.kind == "While" and turns.get(thunk.name) == times:
            yield thunk
        for part in thunk.parts.values():
            yield from loops(part, turns, times)
