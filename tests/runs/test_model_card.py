"""Cards as Markdown, and the table in the documents, which is that of the champions in the box."""

import re
from dataclasses import replace
from pathlib import Path

from ringrift_jax.runs.box import BOX, CARD, boxed
from ringrift_jax.runs.cards import Card, Evaluation, Match, Puzzles, Training, read_card
from ringrift_jax.runs.model_card import model_card, overview, worth_of_search
from ringrift_jax.runs.plots import strengths

PAGE = Path(__file__).parents[2] / "docs" / "champions.md"
CARD_OF_TWO = Card(
    board="square8",
    players=2,
    version=3,
    parameters=1234,
    license="MIT",
    trained=(Training("train a", "abc1234", "cpu", 1.5, 100, 2000, 50000), Training("train b", "d", "cpu", 2, 1, 2, 3)),
    strength=(
        Evaluation(
            "evaluate it",
            "abc1234",
            "cpu, 2 cores",
            matches=(
                Match("champion 3, 16 turns", "random", 400, 400, (200, 200), 20.4, 0.99, 0, 0),
                Match("champion 3, 16 simulations", "heuristic", 400, 300, (200, 100), 20.4, 0.99, 0, 0),
                Match("champion 3, 16 turns", "tactician:heuristic", 400, 350, (175, 175), 15.6, 0.9, 300, 290),
            ),
            puzzles=(Puzzles("champion 3, 16 turns", "wins", 40, 39),),
        ),
    ),
)


def test_a_card_says_all_that_is_known():
    page = model_card(CARD_OF_TWO)
    assert "3.5 hours and 2,002 games" in page
    assert "| `train a` | abc1234 | cpu | 1.50 | 100 | 2,000 | 50,000 |" in page
    assert (
        "| champion 3, 16 turns | tactician:heuristic | 400 | 87.5 % (83.9 to 90.4) | 96.7 % (94.0 to 98.2) "
        "| 88%, 88% | 16 | 90% |" in page
    )
    assert "| champion 3, 16 turns | wins | 40 | 97.5 % (87.1 to 99.6) |" in page
    assert page.endswith("- `evaluate it` at abc1234, cpu, 2 cores\n")


def test_a_card_without_measurements_says_so():
    page = model_card(replace(CARD_OF_TWO, strength=(), carried_from="hex8"))
    assert page.endswith("## How strong it is\n\nNot measured yet.\n") and "It is the champion `hex8`" in page


def test_the_table_shows_how_champions_play_unless_told_otherwise():
    *_, row = overview([CARD_OF_TWO]).splitlines()
    assert row == (
        "| `square8-2p` | 3.5 h, 2,002 games | 100.0 % (99.0 to 100.0) | 75.0 % (70.5 to 79.0) by 16 simulations "
        "| not measured "
        "| 87.5 % (83.9 to 90.4) |"
    )


def test_the_picture_has_a_point_for_each_result_of_the_table():
    unmeasured = replace(CARD_OF_TWO, board="hex8", strength=())

    def drawn(*cards):
        """Hollow and filled marks: points, the legend's, and two ends of each interval."""
        picture = strengths(cards)
        return picture.count("fill-opacity: 0; stroke: #"), len(re.findall(r"fill: #\w+; stroke: #", picture))

    hollow, filled = drawn(CARD_OF_TWO, unmeasured)
    none, legend = drawn(unmeasured)
    assert (hollow - none, filled - legend) == (1, 2 + 3 * 2)
    assert ">hex8-2p<" in strengths([CARD_OF_TWO, unmeasured])


def test_the_table_tells_whether_a_champion_was_carried_over_from_the_one_that_there_is():
    carried = replace(CARD_OF_TWO, board="square19", carried_from="square8", strength=())
    for trained, said in ((CARD_OF_TWO.trained, "as `square8`"), (CARD_OF_TWO.trained[:1], "as an earlier `square8`")):
        *_, row = overview([CARD_OF_TWO, replace(carried, trained=trained)]).splitlines()
        assert row.startswith(f"| `square19-2p` | {said} | not measured")


def test_more_simulations_are_compared_with_fewer_of_the_same_champion():
    results = (
        Match("champion 3, 64 simulations", "champion 3, 16 simulations", 200, 150, (75, 75), 20.4, 0.99, 0, 0),
        Match("champion 3, 256 simulations", "champion 0, 64 simulations", 200, 190, (95, 95), 20.4, 0.99, 0, 0),
    )
    card = replace(CARD_OF_TWO, strength=(Evaluation("evaluate it", "abc1234", "cpu, 2 cores", results),))
    titles, _, row = worth_of_search([card]).splitlines()
    assert titles == "| champion | 64 simulations against 16 simulations | 256 simulations against 64 simulations |"
    assert row == "| `square8-2p` | 75.0 % (68.6 to 80.5) of 200 | not measured |"


def test_the_page_has_the_tables_of_the_box():
    for table in (overview, worth_of_search):
        text = table(read_card(BOX / name / CARD) for name in boxed())
        assert text in PAGE.read_text(encoding="utf-8"), f"docs/champions.md must have\n{text}"
