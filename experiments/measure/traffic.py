"""How many bytes the parts of a compiled program move between a card's memory and its cores, estimated from its text.

Each kernel is taken to read its operands once and to write its results once, as if what it reads again came from
caches. Of an operand from which it only takes slices or gathers it reads those, and of one that it updates in place it
writes the update.
"""

from collections import Counter
from collections.abc import Iterator

from experiments.measure.hlo import Instruction, Program, nbytes

_PARTS = {
    "search/network.py": "network",
    "search/convolution.py": "network",
    "observation.py": "observation",
    "rules/": "rules",
    "env.py": "rules",
    "search/": "tree",
}
"""The parts of a search, by the beginnings of files in the package; the first that fits counts."""
_REST = "rest"
_NOTHING = {"parameter", "constant", "tuple", "get-tuple-element", "bitcast", "after-all", "partition-id", "iota"}
_TAKES = {"slice", "dynamic-slice", "gather"}
_INSIDE = {"while", "conditional", "call"}

Function = dict[str, Instruction]


def moved(program: Program, function: str) -> dict[str, int]:
    """Bytes that each part moves in a function, such as the body of a loop, most first. What is in loops inside, and in
    branches, counts once, whatever the number of turns."""
    total: Counter[str] = Counter()
    instructions = _instructions(program, function)
    for instruction in instructions.values():
        operation = instruction.operation
        if operation in _NOTHING or operation.endswith("-done"):
            continue
        if operation in _INSIDE:
            for called in program.called(instruction.text):
                total.update(moved(program, called))
        else:
            total[_part(program, instruction)] += _of_kernel(program, instructions, instruction)
    return dict(total.most_common())


def _of_kernel(program: Program, around: Function, kernel: Instruction) -> int:
    operands = [around[name] for name in kernel.operands if name in around]
    if kernel.operation == "fusion":
        (called,) = program.called(kernel.text)
        return _of_fusion(_instructions(program, called))
    if kernel.operation in _TAKES:
        return 2 * nbytes(kernel.shape)
    return nbytes(kernel.shape, last=kernel.operation.endswith("-start")) + sum(nbytes(x.shape) for x in operands)


def _of_fusion(inside: Function) -> int:
    root = next(reversed(inside.values()))
    results = [inside[name] for name in root.operands] if root.operation == "tuple" else [root]
    written, in_place = 0, set()
    for result in results:
        result = _origin(inside, result)
        if result.operation in ("dynamic-update-slice", "scatter"):
            kept, update = result.operands[0], result.operands[1 if result.operation != "scatter" else -1]
            written += nbytes(inside[update].shape)
            in_place.add(id(_origin(inside, inside[kept])))
        else:
            written += nbytes(result.shape)
    parameters = {name: x for name, x in inside.items() if x.operation == "parameter" and id(x) not in in_place}
    return written + sum(min(nbytes(x.shape), sum(_read(inside, name, x))) for name, x in parameters.items())


def _read(inside: Function, name: str, value: Instruction) -> Iterator[int]:
    """What each of its users reads of a value."""
    for other, user in inside.items():
        if name not in user.operands:
            continue
        if user.operation == "bitcast":
            yield from _read(inside, other, value)
        elif user.operation in _TAKES and user.operands[0] == name:
            yield nbytes(user.shape)
        else:
            yield nbytes(value.shape)


def _origin(inside: Function, value: Instruction) -> Instruction:
    """What a value is another form of."""
    while value.operation in ("bitcast", "copy", "convert") and value.operands:
        value = inside[value.operands[0]]
    return value


def _part(program: Program, instruction: Instruction) -> str:
    """By the innermost Python function of this package that it comes from."""
    frame = program.frame(instruction.text)
    while frame is not None:
        _, package, file = frame.file.rpartition("ringrift_jax/")
        if package:
            return next((part for beginning, part in _PARTS.items() if file.startswith(beginning)), _REST)
        caller = program.frames.get(frame.caller)
        frame = None if caller is frame else caller
    return _REST


def _instructions(program: Program, function: str) -> Function:
    return {name: Instruction.of(text) for name, text in program.functions[function].items()}
