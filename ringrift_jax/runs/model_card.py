"""Cards of champions as Markdown: a page for each, and one table over all."""

from collections.abc import Iterable, Iterator

from ..players.ratings import wilson
from .cards import Card, Match, Training

SHOWN = "random", "heuristic", "tactician:random", "tactician:heuristic"
"""Opponents in the table over all champions, weakest first."""
PLAYS = "16 turns"
"""How champions play there, as they do unless told otherwise."""
OR_ELSE = "16 simulations"
"""How, where that was not measured."""

MORE = ("64 simulations", "16 simulations"), ("256 simulations", "64 simulations")
"""How a champion plays against itself in the table of what more search is worth."""


def model_card(card: Card) -> str:
    """The page of a champion."""
    title = f"{card.board}, {card.players} players"
    lines = [
        f"# {title}",
        "",
        f"`{card.name}`: {f'champion {card.version} of its run, ' if card.carried_from is None else ''}"
        f"{card.parameters:,} parameters, stored in float16. "
        f"{card.hours:.1f} hours and {sum(run.games for run in card.trained):,} games of self-play are behind it. "
        f"License: {card.license}.",
        *_carried(card),
        "",
        "## How it was made",
        "",
        *_table(("command", "commit", "on", "hours", "iterations", "games", "decisions"), map(_trained, card.trained)),
        "",
        "## How strong it is",
        "",
    ]
    if not card.strength:
        return "\n".join([*lines, "Not measured yet."]) + "\n"
    lines += [
        "Shares of the games won, with 95 % intervals; equal players would win "
        f"{1 / card.players:.0%}. Each game begins with random decisions, and the champion sits in each seat once from "
        "each of these openings. Openings that the player to move can win at once are left out of the contested games.",
        "",
        *_table(
            ("champion", "against", "games", "wins", "of contested games", "by seat", "decisions a game", "distinct"),
            map(_match, card.matches),
        ),
    ]
    if rows := [row for found in card.strength for row in found.puzzles]:
        lines += [
            "",
            "Of puzzles, wins of its own turn or turns after which the next player has none:",
            "",
            *_table(
                ("champion", "does", "in", "share"),
                ((row.player, row.what, row.puzzles, _share(row.solved, row.puzzles)) for row in rows),
            ),
        ]
    lines += ["", "Measured by", ""]
    lines += [f"- `{found.command}` at {found.commit}, {found.device}" for found in card.strength]
    return "\n".join(lines) + "\n"


def overview(cards: Iterable[Card]) -> str:
    """The table over all champions, as they play unless told otherwise."""
    cards = list(cards)
    trained = {card.name: card.trained for card in cards}
    return "\n".join(
        _table(
            ("champion", "trained", *(f"against {name}" for name in SHOWN)), (_summary(card, trained) for card in cards)
        ),
    )


def _summary(card: Card, trained: dict[str, tuple[Training, ...]]) -> Iterator[object]:
    """``trained``: what is behind each champion that there is now."""
    yield f"`{card.name}`"
    games = sum(run.games for run in card.trained)
    if origin := card.carried_from:
        now = trained.get(origin if "-" in origin else f"{origin}-2p", card.trained)
        yield f"as {'an earlier ' if now != card.trained else ''}`{origin}`"
    else:
        yield f"{card.hours:.1f} h, {games:,} games"
    found = shown(card)
    yield from (_result(found[name]) if name in found else "not measured" for name in SHOWN)


def shown(card: Card) -> dict[str, Match]:
    """The match of a champion against each opponent of :data:`SHOWN` that counts: as champions play, or else by
    simulations; those that were not measured are missing."""
    found = {}
    for how in (OR_ELSE, PLAYS):
        found |= {match.opponent: match for match in card.matches if match.player.endswith(how)}
    return {name: found[name] for name in SHOWN if name in found}


def worth_of_search(cards: Iterable[Card]) -> str:
    """The table of how often champions win against themselves with fewer simulations."""
    titles = "champion", *(f"{more} against {fewer}" for more, fewer in MORE)
    return "\n".join(_table(titles, map(_worth, cards)))


def _worth(card: Card) -> Iterator[object]:
    yield f"`{card.name}`"
    for more, fewer in MORE:
        names = tuple(f"champion {card.version}, {how}" for how in (more, fewer))
        found = next((match for match in card.matches if (match.player, match.opponent) == names), None)
        yield f"{_share(found.wins, found.games)} of {found.games}" if found else "not measured"


def _result(match: Match) -> str:
    share = _share(match.wins, match.games)
    return share if match.player.endswith(PLAYS) else f"{share} by {OR_ELSE}"


def _carried(card: Card) -> list[str]:
    if card.carried_from is None:
        return []
    return [
        "",
        f"It is the champion `{card.carried_from}`, its features and moves mapped to this game by what they mean, not "
        "trained for it. What follows is the training of that one.",
    ]


def _trained(run: Training) -> Iterator[object]:
    yield f"`{run.command}`"
    yield from (run.commit, run.device, f"{run.hours:.2f}", run.iterations, f"{run.games:,}", f"{run.decisions:,}")


def _match(match: Match) -> Iterator[object]:
    seat_games = match.games // len(match.wins_by_seat)
    yield from (match.player, match.opponent, match.games, _share(match.wins, match.games))
    yield _share(match.contested_wins, match.contested_games) if match.contested_games else ""
    yield ", ".join(f"{wins / seat_games:.0%}" for wins in match.wins_by_seat)
    yield from (f"{match.length:.0f}", f"{match.distinct:.0%}")


def _share(wins: int, games: int) -> str:
    low, high = wilson(wins, games)
    return f"{100 * wins / games:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def _table(titles: Iterable[object], rows: Iterable[Iterable[object]]) -> list[str]:
    titles = list(titles)
    return [_row(titles), _row("---" for _ in titles), *(_row(row) for row in rows)]


def _row(cells: Iterable[object]) -> str:
    return f"| {' | '.join(map(str, cells))} |"
