"""What settings may be: every field of every class of settings refuses what it is not, and says what it may be."""

import dataclasses
import math
import types
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np
import pytest
from msgspec import Meta

import ringrift_jax as rr
from ringrift_jax import boards
from ringrift_jax.learning.config import RunConfig, preset
from ringrift_jax.learning.gates import GatesConfig
from ringrift_jax.learning.learner import LearnerConfig
from ringrift_jax.learning.loop import LoopConfig
from ringrift_jax.learning.selfplay import SelfPlayConfig
from ringrift_jax.learning.worker import Worker
from ringrift_jax.players.arena import ArenaConfig
from ringrift_jax.players.sequential import SequentialConfig
from ringrift_jax.search.config import SearchConfig
from ringrift_jax.search.network import NetworkConfig

GOOD = [
    RunConfig("square8"), LoopConfig(), NetworkConfig(), SearchConfig(), SelfPlayConfig(), LearnerConfig(),
    ArenaConfig(), SequentialConfig(), GatesConfig(), rr.make("hex8"), boards.custom("square", 5, 6),
]  # fmt: skip


def wrong_values(kind: Any) -> list[Any]:
    """What an annotation does not allow."""
    options = get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)
    bare = [get_args(option)[0] if get_origin(option) is Annotated else option for option in options]
    wrong: list[Any] = [math.nan, math.inf, -math.inf, [], {}, "other", np.float32(0.5), object()]
    if float in bare:
        wrong = [value for value in wrong if not isinstance(value, np.generic)]
    if str in bare:
        wrong.remove("other")
    else:
        wrong += ["1", b"1"]
    if bool not in bare:
        wrong += [True, False, np.bool_(True)]
    if float not in bare:
        wrong += [2.5, 1.0]
    if type(None) not in bare:
        wrong.append(None)
    if get_origin(bare[0]) is Literal:
        wrong.append(1)
    for limits in (meta for option in options for meta in get_args(option)[1:] if isinstance(meta, Meta)):
        least, most = (limits.ge, limits.gt), (limits.le, limits.lt)
        wrong += [bound - 1 for bound in least if bound is not None] + [
            bound + 1 for bound in most if bound is not None
        ]
        wrong += [bound for bound in (limits.gt, limits.lt) if bound is not None]
    return wrong


@pytest.mark.parametrize(
    ("settings", "name", "kind"),
    [
        pytest.param(settings, field.name, hints[field.name], id=f"{type(settings).__name__}-{field.name}")
        for settings in GOOD
        for hints in [get_type_hints(type(settings), include_extras=True)]
        for field in dataclasses.fields(settings)
    ],
)
def test_every_field_refuses_what_it_is_not(settings, name, kind):
    for value in wrong_values(kind):
        with pytest.raises(ValueError, match=rf"^(gates\.)?{name} is .*; it must be|^unknown board") as refused:
            dataclasses.replace(settings, **{name: value})
        assert "\n" not in str(refused.value), value


def test_numbers_of_numpy_and_whole_numbers_become_plain_ones():
    config = SearchConfig(simulations=np.int64(4), gumbel_scale=1, value_scale=np.float32(0.5))  # pyright: ignore
    assert [type(value) for value in (config.simulations, config.gumbel_scale, config.value_scale)] == [
        int,
        float,
        float,
    ]
    assert config == SearchConfig(simulations=4, gumbel_scale=1.0, value_scale=0.5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: rr.make(None), "unknown board None; choose one of square8"),  # pyright: ignore
        (lambda: rr.make([]), r"unknown board \[\]; choose one of square8"),  # pyright: ignore
        (lambda: rr.make("square8", 2.0), "num_players is 2.0; it must be a whole number, 2 to 4"),  # pyright: ignore
        (lambda: rr.make("square8", max_steps=2.5), "max_steps is 2.5; it must be a whole number, at least 1, or None"),  # pyright: ignore
        (lambda: rr.make("square8", swap_rule=1), "swap_rule is 1; it must be True or False"),  # pyright: ignore
        (lambda: boards.custom("square", 4.5, 6), "size is 4.5; it must be a whole number"),  # pyright: ignore
        (lambda: boards.custom("square", 5, math.nan), "rings_per_player is nan; it must be a whole number, 1 to 999"),  # pyright: ignore
        (lambda: boards.custom(None, 5, 6), "shape is None; it must be one of square, hex"),  # pyright: ignore
        (lambda: SearchConfig(simulations=2.5), "simulations is 2.5; it must be a whole number, at least 1"),  # pyright: ignore
        (lambda: SearchConfig(gumbel_scale=math.inf), "gumbel_scale is inf; it must be a finite number, at least 0"),
        (lambda: ArenaConfig(every=2**31), "every is 2147483648; it must be 1 to 2147483647"),
        (lambda: LearnerConfig(averaging=1), "averaging is 1; it must be at least 0 and less than 1"),
        (lambda: preset(None, "square8"), "unknown preset None"),  # pyright: ignore
        (lambda: preset("tiny", "square8", math.nan), "num_players is nan; it must be a whole number, 2 to 4"),  # pyright: ignore
        (lambda: Worker(None, LoopConfig(), 0, None, None), "lanes is 0; it must be at least 1"),  # pyright: ignore
        (lambda: Worker(None, LoopConfig(), 2.5, None, None), "lanes is 2.5; it must be a whole number"),  # pyright: ignore
    ],
)  # fmt: skip
def test_constructors_say_what_is_allowed(make, message):
    with pytest.raises(ValueError, match=message):
        make()
