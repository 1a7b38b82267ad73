"""What a run would need, before it is begun: memory, compile time, and speed from a few iterations."""

import time

import jax

from experiments.console import Screen
from ringrift_jax.learning.config import RunConfig
from ringrift_jax.runs.memory import memory, size_text
from ringrift_jax.runs.run import Run
from ringrift_jax.search.network import count_parameters

PROBE_SECONDS = 60.0
"""The probe begins no further iteration after so long, and none after one that has learned."""


def probe(config: RunConfig, preset: str) -> None:
    """Prints what ``train`` would need and how fast it would be. Nothing is written."""
    screen = Screen()
    run = Run(config)
    sizes = memory(run.env, run.abstract, config.loop)
    screen.introduce(config, preset, "nothing is written", sizes, run.mesh.size)
    params = run.abstract.learner.params
    screen.say(f"network    {count_parameters(params):,} parameters")
    began = time.monotonic()
    with screen.compiling():
        iterate = run.compile()
    seconds = time.monotonic() - began
    screen.say(f"compiling  {seconds:.1f} s; less when the compilation cache has it, as from now on")
    needed = iterate.memory_analysis()
    if needed is not None:
        total = needed.argument_size_in_bytes + needed.temp_size_in_bytes + needed.output_size_in_bytes
        total -= needed.alias_size_in_bytes
        screen.say(f"peak       {size_text(total)} a device, as the compiler counts it")
    _iterations(screen, config, run, iterate)


def _iterations(screen: Screen, config: RunConfig, run: Run, iterate: jax.stages.Compiled) -> None:
    """Plays until something was learned, and says how fast that was."""
    decisions = config.loop.self_play.lanes * config.loop.self_play.chunk
    state, end = run.start(), time.monotonic() + PROBE_SECONDS
    steps, games, length, seconds = 0, 0, 0, 0.0
    number = 0
    while not steps and (not number or time.monotonic() < end):
        began = time.monotonic()
        state, metrics = jax.block_until_ready(iterate(state))
        state = run.settle(state, True)
        seconds, number, steps = time.monotonic() - began, number + 1, int(metrics.steps)
        games += int(metrics.self_play.games)
        length += int(metrics.self_play.decisions)
    learning = f"with {steps} steps of learning" if steps else "without learning, for which there were too few games"
    screen.say(f"iteration  {seconds:.1f} s for {decisions:,} decisions, {learning}; the last of {number}")
    rate = decisions / seconds
    if games:
        mean = length / games
        ended = f", {rate * games / length:.2f} games/s of {mean:.0f} decisions, as the first {games} games had"
    else:
        ended = ", no game has ended yet"
    screen.say(f"speed      {rate:,.0f} decisions/s{ended}; every {config.loop.arena.every} iterations an arena on top")
