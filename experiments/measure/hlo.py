"""What can be read off the text of a program that XLA has compiled: its loops, and what devices tell each other."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

EXCHANGES = ("all-gather", "all-reduce", "reduce-scatter", "all-to-all", "collective-permute", "collective-broadcast")

_FUNCTION = re.compile(r"^(?:ENTRY )?%(\S+) \(.*?\{$(.*?)^\}$", re.MULTILINE | re.DOTALL)
_INSTRUCTION = re.compile(r"^  (?:ROOT )?%(\S+) = (.*)$", re.MULTILINE)
_TURNS = re.compile(r'"known_trip_count":\{"n":"(\d+)"\}')
_CALLED = re.compile(r"\b(?:body|condition|calls|to_apply|branch_computations|true_computation|false_computation)=")
_BITS = {"pred": 8, "token": 0}


@dataclass(frozen=True)
class Exchange:
    """Something that devices tell each other.

    Attributes:
      kind: of :data:`EXCHANGES`.
      size: bytes of the result on each device.
      loops: names of the loops it is in, the outermost first.
    """

    kind: str
    size: int
    loops: tuple[str, ...]


@dataclass(frozen=True)
class Program:
    """The text of a compiled program, by functions.

    Attributes:
      functions: the instructions of each function, by their names.
      entry: the function that is the program.
      frames: the Python function of each of the frames that instructions name.
    """

    functions: dict[str, dict[str, str]]
    entry: str
    frames: dict[int, str]

    @classmethod
    def of(cls, text: str) -> "Program":
        functions = {name: dict(_INSTRUCTION.findall(body)) for name, body in _FUNCTION.findall(text)}
        found = re.search(r"^ENTRY %(\S+)", text, re.MULTILINE)
        if found is None:
            raise ValueError("this is not the text of a compiled program: it has no ENTRY")
        names = {number: name.strip('"') for number, name in _table(text, "FunctionNames").items()}
        places = {number: _number("function_name_id", line) for number, line in _table(text, "FileLocations").items()}
        frames = {number: _number("file_location_id", line) for number, line in _table(text, "StackFrames").items()}
        return cls(functions, found[1], {frame: names[places[place]] for frame, place in frames.items()})

    def turns(self) -> dict[str, int]:
        """How often loops turn, by their names, where the compiler knows."""
        return {
            name: int(known[1])
            for instructions in self.functions.values()
            for name, text in instructions.items()
            if " while(" in text and (known := _TURNS.search(text))
        }

    def written_in(self) -> dict[str, str]:
        """The Python functions that loops are written in, by the loops' names, where the text says so."""
        return {
            name: self.frames[_number("stack_frame_id", text)]
            for instructions in self.functions.values()
            for name, text in instructions.items()
            if " while(" in text and _number("stack_frame_id", text) in self.frames
        }

    def exchanges(self) -> list[Exchange]:
        """All of them, each once however often its loops turn."""
        return list(self._exchanges(self.entry, ()))

    def _exchanges(self, function: str, loops: tuple[str, ...]) -> Iterator[Exchange]:
        for name, text in self.functions[function].items():
            shape, operation = _split(text)
            kind = operation.removesuffix("-start")
            if kind in EXCHANGES:
                yield Exchange(kind, _nbytes(shape, last=operation != kind), loops)
            for called in self._called(text):
                yield from self._exchanges(called, (*loops, name) if operation == "while" else loops)

    def _called(self, text: str) -> list[str]:
        ends = [found.end() for found in _CALLED.finditer(text)]
        named = [name for end in ends for name in re.findall(r"%([\w.-]+)", re.split(r",\s\w|\}", text[end:])[0])]
        return [name for name in named if name in self.functions]


def _table(text: str, name: str) -> dict[int, str]:
    """One of the numbered lists that a text begins with."""
    found = re.search(rf"^{name}\n((?:\d+ .*\n)+)", text, re.MULTILINE)
    return {int(line.partition(" ")[0]): line.partition(" ")[2] for line in (found[1] if found else "").splitlines()}


def _number(name: str, text: str) -> int:
    """The number that something of this name has in a text; 0 where there is none."""
    found = re.search(rf"\b{name}=(\d+)", text)
    return int(found[1]) if found else 0


def _split(text: str) -> tuple[str, str]:
    """The shape and the name of an instruction's operation."""
    depth = 0
    for at, character in enumerate(text):
        depth += (character in "({") - (character in ")}")
        if character == " " and not depth:
            return text[:at], text[at + 1 :].partition("(")[0]
    return text, ""


def _nbytes(shape: str, last: bool = False) -> int:
    """Bytes of an array or of a tuple of arrays; ``last``: only of its second half, which is the result of what is
    started."""
    arrays = re.findall(r"\b(pred|token|[a-z]+\d+\w*)\[([\d,]*)\]", shape)
    arrays = arrays[len(arrays) // 2 :] if last else arrays
    return sum(prod(int(n) for n in sizes.split(",") if n) * _bits(kind) // 8 for kind, sizes in arrays)


def _bits(kind: str) -> int:
    """Of one number; those of 8 bits and less have longer names, such as ``f8e4m3``."""
    return _BITS[kind] if kind in _BITS else int(re.findall(r"\d+", kind)[0])
