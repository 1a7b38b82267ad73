"""The widget in a browser, as a notebook loads it: its module from text, and a kernel that answers."""

import json
from collections.abc import Iterator
from typing import Any

import browsers
import pytest
from played import random_record
from small_search import searched

import ringrift_jax as rr
from ringrift_jax import reference
from ringrift_jax.interactive.board_widget import BoardWidget

MODEL = """
class Model {
  constructor(data) { Object.assign(this, { data, heard: {}, sent: [] }); }
  get(name) { return this.data[name]; }
  on(name, act) { (this.heard[name] ??= []).push(act); }
  off(name, act) { this.heard[name] = this.heard[name].filter(other => other !== act); }
  tell(name, value) { for (const act of this.heard[name] ?? []) act(value); }
  async send(content) {
    this.sent.push(content);
    const { data, told } = JSON.parse(await kernel(content));
    this.data = data;
    this.tell("change:view");
    for (const one of told) this.tell("msg:custom", one);
  }
}
const module = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
globalThis.model = new Model(data);
globalThis.close = module.default.render({ model, el: document.querySelector("#here") });
"""


@pytest.fixture
def page() -> Iterator[Any]:
    with browsers.page() as shown:
        yield shown


def show(page: Any, shown: BoardWidget, body: str = "<body>") -> None:
    """Draws a widget. What the page sends goes to it, and what it says goes back."""
    told: list[Any] = []
    shown.send = told.append  # pyright: ignore[reportAttributeAccessIssue]

    def data() -> dict[str, Any]:
        return json.loads(json.dumps({name: getattr(shown, name) for name in ("board", "tree", "view", "moves")}))

    def kernel(content: Any) -> str:
        told.clear()
        shown._heard(shown, content, [])
        return json.dumps({"data": data(), "told": told})

    page.expose_function("kernel", kernel)
    page.set_content(f"<!doctype html><style>{shown._css}</style>{body}<div id=here></div>")
    given = {"source": shown._esm, "data": data()}
    page.evaluate(f"async ({{ source, data }}) => {{ {MODEL} }}", given)
    page.wait_for_selector(".viewer .cell")


def test_a_state_is_played_on(page, tmp_path):
    shown = rr.widget(rr.make("square8").init())
    show(page, shown)
    assert page.locator(".cell.option").count() == 64 and not page.is_visible(".controls")
    page.hover("[data-cell='27']")
    page.wait_for_selector(".says:has-text('1 ring on 3,3: a stack of 1')")
    page.click("[data-cell='27']")
    page.click("button:has-text('2 rings')")
    page.wait_for_selector(".task summary:has-text('Move the stack on 3,3 in a straight line.')")
    page.click("[data-cell='28']")
    page.wait_for_selector(".says:has-text('smaller than the stack')")
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector(".doing:has-text('seat 1 to place rings')")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(".doing:has-text('seat 1 to move a stack')")
    page.hover("[data-cell='29']")
    page.wait_for_selector(".ghosts .mark-landing")
    browsers.shot(page, "widget-state", tmp_path)
    page.click("[data-cell='29']")
    page.wait_for_selector(".doing:has-text('seat 2 to place rings')")
    assert shown.moves == ["P 3,3 2", "M 3,3>3,5"]
    assert {"ask": "play", "move": "M 3,3>3,5"} in page.evaluate("model.sent")
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector(".doing:has-text('seat 1 to move a stack')")
    page.click("[data-cell='45']")
    page.wait_for_selector(".variation .move:has-text('M 3,3>5,5')")
    assert shown.moves == ["P 3,3 2", "M 3,3>5,5"]
    browsers.shot(page, "widget-variation", tmp_path)


def test_a_move_that_python_makes_is_shown(page):
    shown = rr.widget(rr.make("hex8", 3).init())
    show(page, shown)
    shown.moves = ["P 0,0 3"]
    page.evaluate("model.send({ ask: 'go', node: 1 })")
    page.wait_for_selector(".doing:has-text('seat 1 to move a stack')")
    page.evaluate("close()")
    assert page.evaluate("Object.values(model.heard).flat().length") == 0


def test_a_refusal_is_told(page):
    show(page, rr.widget(rr.make("square8").init()))
    page.evaluate("model.send({ ask: 'play', move: 'P 3,3 9' })")
    page.wait_for_selector(".problem:has-text('P 3,3 9 is illegal')")
    page.evaluate("model.send({ ask: 'play', move: 'P 3,3 1' })")
    page.wait_for_selector(".problem", state="hidden")


def test_a_touch_shows_before_it_plays(page):
    shown = rr.widget(reference.play(reference.new_game(rr.make("square8").board), "P 3,3 1"))
    show(page, shown)
    touch = "cell => cell.dispatchEvent(new PointerEvent('click', { bubbles: true, pointerType: 'touch' }))"
    page.eval_on_selector("[data-cell='29']", touch)
    page.wait_for_selector(".says:has-text('The stack of 1 goes from 3,3 to 3,5')")
    assert shown.moves == []
    page.eval_on_selector("[data-cell='29']", touch)
    page.wait_for_selector(".doing:has-text('seat 2 to place rings')")
    assert shown.moves == ["M 3,3>3,5"]


def test_a_game_is_stepped_through(page, tmp_path):
    record = random_record(5, models=["one", "other"])
    decisions = [step["m"] for step in record["steps"] if not step["m"].startswith("NO_")]
    shown, count = rr.widget(record), len(decisions)
    show(page, shown, '<body data-jp-theme-light="false">')
    assert page.inner_text("output") == f"0 / {count}" and page.get_attribute(".viewer", "data-theme") == "dark"
    assert "seat 1, one: 18 in hand" in page.inner_text(".seats")
    page.locator(".viewer").focus()
    page.keyboard.press("End")
    page.wait_for_selector(f"output:has-text('{count} / {count}')")
    assert shown.moves == decisions
    page.fill("input[type=range]", "12")
    page.wait_for_selector(f"output:has-text('12 / {count}')")
    assert len(shown.moves) == 12
    page.click("button:has-text('play')")
    page.wait_for_selector(f"output:has-text('14 / {count}')")
    page.click("button:has-text('pause')")
    page.locator(".moves .move").nth(3).click()
    page.wait_for_selector(f"output:has-text('4 / {count}')")
    browsers.shot(page, "widget-game-dark", tmp_path)
    page.set_viewport_size({"width": 390, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390, "nothing is wider than the screen"
    browsers.shot(page, "widget-game-phone", tmp_path)


def test_a_search_is_walked(page, tmp_path):
    shown = rr.widget(searched())
    show(page, shown)
    best = shown.view["analysis"]["candidates"][0]
    assert page.locator(".candidates tbody tr").count() == min(12, len(shown.view["analysis"]["candidates"]))
    drawn = [cells for cells in shown.view["line"] if cells]
    numbers = " ".join(page.locator(".overlay .share-text").all_text_contents())
    assert len(drawn) > 2 and sorted(numbers.split()) == [str(number + 1) for number in range(len(drawn))]
    browsers.shot(page, "widget-search", tmp_path)
    page.uncheck("input[type=checkbox]")
    page.locator(".candidates button").first.click()
    page.wait_for_selector("output:has-text('1 / ')")
    assert shown.moves == [best["move"]]
    browsers.shot(page, "widget-search-below", tmp_path)


def test_two_widgets_do_not_share_names(page):
    """Ids would be those of the first of them."""
    show(page, rr.widget(rr.make("square8").init()))
    assert page.locator(".viewer [id]").count() == 0
