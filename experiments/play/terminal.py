"""A game in the terminal."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from rich.console import Console

from experiments.play.session import Session
from ringrift_jax import notation
from ringrift_jax.render import board_text
from ringrift_jax.render.board import legend, position_of
from ringrift_jax.runs import record_files

HELP = """\
a move          as in the list, such as P 3,4 2 or M 1,1>1,4; its number in the list; or the only one that begins so
?  or  moves    list the legal moves; with a text after it, those that contain it: ? 3,4
board           show the board again
undo            take back your last move and what was answered
save [FILE]     write the game until now as a record; python -m experiments.replay FILE --html PAGE shows it
quit            leave"""
SHOWN_MOVES = 40


def play(session: Session, console: Console, ask: Callable[[str], str] = input) -> None:
    """Plays until the game is over or the person leaves. ``ask`` shows a prompt and returns a line."""
    console.print(f"{session.env.id}: " + ", ".join(f"player {i} {name}" for i, name in enumerate(session.names(), 1)))
    console.print("help lists what you can type\n")
    _show(session, console)
    while not session.over:
        if not session.humans_turn:
            seat = int(session.state.current_seat) + 1
            with console.status(f"seat {seat} thinks; the first move also compiles, for up to some minutes"):
                move = session.reply()
            console.print(f"seat {seat} plays {move}")
            if session.humans_turn or session.over:
                _show(session, console)
            continue
        try:
            line = ask(f"seat {int(session.state.current_seat) + 1}> ").strip()
        except EOFError:
            console.print("end of input")
            return
        if line in ("quit", "exit"):
            return
        _obey(session, console, line)
    console.print(session.result())


def _obey(session: Session, console: Console, line: str) -> None:
    word, _, rest = line.partition(" ")
    if not line or word == "help":
        console.print(HELP)
    elif word in ("?", "moves"):
        _list(session, console, rest.strip())
    elif line == "board":
        _show(session, console)
    elif line == "undo":
        undone = session.undo()
        console.print(f"took back {undone} moves" if undone else "there is nothing to take back")
        _show(session, console)
    elif word == "save":
        _save(session, console, rest.strip())
    else:
        try:
            session.play(_move(session, line))
        except ValueError as problem:
            console.print(f"{problem}. ? lists the legal moves")
            return
        if session.humans_turn or session.over:
            _show(session, console)


def _move(session: Session, line: str) -> str:
    """The move that a person means. ValueError when it is none or could be several."""
    legal = session.legal()
    if line.isdecimal():
        if not 1 <= int(line) <= len(legal):
            raise ValueError(f"there are {len(legal)} moves, not {line}")
        return legal[int(line) - 1]
    wanted = line.upper()
    if wanted in legal:
        return wanted
    begun = [move for move in legal if move.startswith(wanted)]
    if len(begun) > 1:
        raise ValueError(f"{line} could be {', '.join(begun[:5])}{' or others' if len(begun) > 5 else ''}")
    return begun[0] if begun else line


def _list(session: Session, console: Console, part: str) -> None:
    found = [(i, move) for i, move in enumerate(session.legal(), 1) if part.upper() in move]
    for index, move in found[:SHOWN_MOVES]:
        console.print(f"{index:>5}  {move}")
    if len(found) > SHOWN_MOVES:
        console.print(f"and {len(found) - SHOWN_MOVES} more; narrow them down, such as ? 3,4")
    if not found:
        console.print(f"no legal move contains {part}")


def _show(session: Session, console: Console) -> None:
    console.print(board_text(session.env.board, notation.state_string(session.env, session.state)) + "\n")
    for _, line in legend(position_of(session.state)):
        console.print(line)
    chances = session.chances()
    if chances:
        console.print("chances of winning: " + ", ".join(f"seat {i} {p:.0%}" for i, p in enumerate(chances, 1)))
    if not session.over:
        console.print(f"{len(session.legal())} legal moves; ? lists them")


def _save(session: Session, console: Console, name: str) -> None:
    path = Path(name or f"{session.env.id}-{datetime.now():%Y%m%d-%H%M%S}.jsonl.gz")
    try:
        record_files.append(path, [session.record(path.name.partition(".")[0])])
    except (OSError, ValueError) as problem:
        console.print(f"not saved: {problem}")
    else:
        console.print(f"saved {path}")
