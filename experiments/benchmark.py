"""How fast things are on this machine: ``python -m experiments.benchmark env``, ``search``, ``selfplay`` or ``turns``;
``all`` of it in a few minutes; with ``compile``, what would run on a card that is not there."""

import sys
from collections.abc import Sequence

from experiments.command_line import command, fail
from experiments.measure import compiled, everything, rules, search, selfplay, turns

COMMANDS = {
    "env": rules,
    "search": search,
    "selfplay": selfplay,
    "turns": turns,
    "all": everything,
    "compile": compiled,
}


@command
def main(argv: Sequence[str] | None = None) -> None:
    """Runs a benchmark. Bad input: one line, exit code 2."""
    name, *arguments = (sys.argv[1:] if argv is None else argv) or [""]
    if name in ("-h", "--help"):
        print(f"{__doc__}\n")
        for command, module in COMMANDS.items():
            print(f"  {command:<10}{(module.__doc__ or '').splitlines()[0]}")
        print("\nEach has a --help of its own.")
    elif name not in COMMANDS:
        fail(f"unknown benchmark {name!r}; choose one of {', '.join(COMMANDS)}")
    else:
        COMMANDS[name].main(arguments)


if __name__ == "__main__":
    main()
