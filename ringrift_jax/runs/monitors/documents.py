"""The tables of docs/monitoring.md, made from the table of metrics."""

from collections.abc import Iterable, Sequence

from .. import metrics

BEGIN, END = "<!-- metrics: made by python tests/experiments/test_monitoring.py -->", "<!-- end of metrics -->"


def tables() -> str:
    """What stands between :data:`BEGIN` and :data:`END`."""
    measured = _table(
        ("key", "TensorBoard", "Prometheus", "kind", "what it is"),
        ((_code(m.name), _code(m.tag), _code(m.prometheus), m.type, m.help) for m in metrics.METRICS),
    )
    others = _table(
        ("Prometheus", "kind", "more labels", "what it is"),
        ((_code(m.prometheus), m.type, ", ".join(m.labels), m.help) for m in (*metrics.OTHERS, *metrics.PROCESS)),
    )
    return (
        "A line of `metrics.jsonl`, which is what an iteration measured:\n\n"
        f"{measured}\nTensorBoard has `gates/GATE` and `gates/GATE_passed` too. Prometheus has beyond these:\n\n"
        f"{others}"
    )


def renew(page: str) -> str:
    """The page with its tables as they have to be. ValueError if it does not have the markers."""
    before, _, rest = page.partition(f"{BEGIN}\n")
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"the page must have {BEGIN} and after it {END}, each on a line")
    return f"{before}{BEGIN}\n\n{tables()}\n{END}{after}"


def _code(name: str | None) -> str:
    return f"`{name}`" if name else ""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(line).replace("  ", " ") + " |\n" for line in lines)
