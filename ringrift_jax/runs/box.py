"""The champions in the box: a trained one for boards and numbers of players, which comes with the package.

Each is a run as far as its parts are small: settings, metrics, events, some of its games, the champion itself
(:mod:`.champion`), and a card that says how it was made and how strong it is (:mod:`.cards`). Commands take its name
where they take a run. What is here needs no JAX.
"""

import re
from pathlib import Path

from ..boards import BOARD_NAMES

BOX = Path(__file__).parents[1] / "data" / "champions"
"""Where they are: a directory ``BOARD-Np`` for each."""
CARD = "card.json"

_NAME = re.compile(rf"({'|'.join(BOARD_NAMES)})(?:-([234])p)?")


def boxed() -> list[str]:
    """Names of the champions in the box, such as ``square8-2p``."""
    found = (f"{board}-{players}p" for board in BOARD_NAMES for players in (2, 3, 4))
    return [name for name in found if (BOX / name / CARD).exists()]


def find_run(text: str | Path, players: int | None = None) -> Path:
    """The run that a person names: a directory, or ``BOARD`` or ``BOARD-Np`` for a champion in the box,
    unless there is a directory of that name.

    Args:
      text: the directory or the name.
      players: their number, if it was given apart; 2 for a board's name without.

    Raises:
      FileNotFoundError: the box has no such champion.
      ValueError: the name and ``players`` differ.
    """
    if not is_boxed(text):
        return Path(text)
    board, number = _NAME.fullmatch(str(text)).groups()  # pyright: ignore[reportOptionalMemberAccess]
    if number and players and int(number) != players:
        raise ValueError(f"{text} has {number} players, not {players}")
    return boxed_run(board, int(number or players or 2))


def is_boxed(text: str | Path) -> bool:
    """Whether a text names a champion in the box, be there one or not."""
    return bool(_NAME.fullmatch(str(text))) and not Path(text).is_dir()


def boxed_run(board: str, players: int) -> Path:
    """The champion of a game in the box, as a run. FileNotFoundError when there is none."""
    name = f"{board}-{players}p"
    if not (BOX / name / CARD).exists():
        raise FileNotFoundError(
            f"there is no champion of {board} with {players} players in the box, which has "
            f"{', '.join(boxed()) or 'none'}; train one: python -m experiments.train {board} --players {players}"
        )
    return BOX / name
