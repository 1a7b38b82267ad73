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
class Frame:
    """Where in Python an instruction comes from.

    Attributes:
      file, function: in which it is written.
      caller: the number of the frame that called it, its own if there is none.
    """

    file: str
    function: str
    caller: int


@dataclass(frozen=True)
class Instruction:
    """One line of a function.

    Attributes:
      shape: of the result, as XLA writes it.
      operation: such as ``fusion``.
      operands: the names of what it reads.
      text: all of it.
    """

    shape: str
    operation: str
    operands: tuple[str, ...]
    text: str

    @classmethod
    def of(cls, text: str) -> "Instruction":
        shape, operation, rest = _split(text)
        return cls(shape, operation, tuple(re.findall(r"%([\w.-]+)", _until_closed(rest))), text)


@dataclass(frozen=True)
class Program:
    """The text of a compiled program, by functions.

    Attributes:
      functions: the instructions of each function, by their names.
      entry: the function that is the program.
      frames: those that instructions name, by their numbers.
    """

    functions: dict[str, dict[str, str]]
    entry: str
    frames: dict[int, Frame]

    @classmethod
    def of(cls, text: str) -> "Program":
        functions = {name: dict(_INSTRUCTION.findall(body)) for name, body in _FUNCTION.findall(text)}
        found = re.search(r"^ENTRY %(\S+)", text, re.MULTILINE)
        if found is None:
            raise ValueError("this is not the text of a compiled program: it has no ENTRY")
        files, names = (_names(text, table) for table in ("FileNames", "FunctionNames"))
        places = _table(text, "FileLocations")
        frames = {}
        for number, line in _table(text, "StackFrames").items():
            place = places[_number("file_location_id", line)]
            file, name = files[_number("file_name_id", place)], names[_number("function_name_id", place)]
            frames[number] = Frame(file, name, _number("parent_frame_id", line))
        return cls(functions, found[1], frames)

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
            name: frame.function
            for instructions in self.functions.values()
            for name, text in instructions.items()
            if " while(" in text and (frame := self.frame(text))
        }

    def body(self, loop: str) -> str:
        """The function that a loop runs."""
        (text,) = (instructions[loop] for instructions in self.functions.values() if loop in instructions)
        return re.findall(r"\bbody=%([\w.-]+)", text)[0]

    def frame(self, text: str) -> Frame | None:
        """Where an instruction comes from; None where it does not say so."""
        return self.frames.get(_number("stack_frame_id", text))

    def exchanges(self) -> list[Exchange]:
        """All of them, each once however often its loops turn."""
        return list(self._exchanges(self.entry, ()))

    def _exchanges(self, function: str, loops: tuple[str, ...]) -> Iterator[Exchange]:
        for name, text in self.functions[function].items():
            shape, operation, _ = _split(text)
            kind = operation.removesuffix("-start")
            if kind in EXCHANGES:
                yield Exchange(kind, nbytes(shape, last=operation != kind), loops)
            for called in self.called(text):
                yield from self._exchanges(called, (*loops, name) if operation == "while" else loops)

    def called(self, text: str) -> list[str]:
        """The functions that an instruction calls."""
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


def _names(text: str, table: str) -> dict[int, str]:
    return {number: name.strip('"') for number, name in _table(text, table).items()}


def _split(text: str) -> tuple[str, str, str]:
    """The shape and the name of an instruction's operation, and what follows its opening parenthesis."""
    depth = 0
    for at, character in enumerate(text):
        depth += (character in "({") - (character in ")}")
        if character == " " and not depth:
            operation, _, rest = text[at + 1 :].partition("(")
            return text[:at], operation, rest
    return text, "", ""


def _until_closed(text: str) -> str:
    """What comes before the parenthesis that closes one which has been opened."""
    depth = 1
    for at, character in enumerate(text):
        depth += (character in "({") - (character in ")}")
        if not depth:
            return text[:at]
    return text


def nbytes(shape: str, last: bool = False) -> int:
    """Bytes of an array or of a tuple of arrays; ``last``: only of its second half, which is the result of what is
    started."""
    arrays = re.findall(r"\b(pred|token|[a-z]+\d+\w*)\[([\d,]*)\]", shape)
    arrays = arrays[len(arrays) // 2 :] if last else arrays
    return sum(prod(int(n) for n in sizes.split(",") if n) * _bits(kind) // 8 for kind, sizes in arrays)


def _bits(kind: str) -> int:
    """Of one number; those of 8 bits and less have longer names, such as ``f8e4m3``."""
    return _BITS[kind] if kind in _BITS else int(re.findall(r"\d+", kind)[0])
