"""What a run begins with: an untrained network, or one made from a champion of this or another game (``--from``)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ..boards import Board, standard
from ..learning.config import RunConfig
from ..learning.loop import LoopState
from ..learning.transfer import transfer
from ..search.network import NetworkConfig
from .box import find_run
from .champion_files import find_champion, load_champion
from .directory import RunDirectory
from .run import Run


def load_origin(text: str) -> tuple[RunConfig, Any]:
    """The settings and parameters of the champion that ``--from`` names: a run, whose newest champion it is,
    RUN/champions/VERSION, or one in the box. FileNotFoundError or ValueError when there is none."""
    directory, version = find_champion(find_run(text))
    return load_champion(directory / str(version))


def network_of(text: str, directory: RunDirectory) -> NetworkConfig:
    """Size of the network of a run that begins with a champion. The champion need not be there any more when the run in
    the directory has begun with it. FileNotFoundError or ValueError when there is none."""
    if directory.config.exists() and (config := directory.read_config()).origin == text:
        return config.loop.network
    return load_origin(text)[0].loop.network


def sized_like(network: NetworkConfig, source: NetworkConfig) -> NetworkConfig:
    """A network that can begin with a champion's: of its size, with features of landings also if that has none."""
    features = source.landing_features or network.landing_features
    return replace(network, channels=source.channels, blocks=source.blocks, landing_features=features)


def check_size(text: str, source: NetworkConfig, network: NetworkConfig) -> None:
    """ValueError unless a run of that network can begin with a champion's."""
    if network != sized_like(network, source):
        raise ValueError(
            f"the champion {text} has {source.channels} channels x {source.blocks} blocks and "
            f"{source.landing_features} landing features, the run {network.channels} x {network.blocks} and "
            f"{network.landing_features}; leave --network.channels, --network.blocks and "
            "--network.landing-features out"
        )


def begin(run: Run, config: RunConfig, say: Callable[[str], None]) -> LoopState:
    """The state before the first iteration.

    Args:
      run: of the settings.
      config: the settings.
      say: told what could not be taken over from the champion of another game.

    Raises:
      FileNotFoundError: there is no such champion.
      ValueError: it cannot be read, or its network is of another size.
    """
    state = run.start()
    if config.origin is None:
        return state
    source, params = load_origin(config.origin)
    check_size(config.origin, source.loop.network, config.loop.network)
    found = transfer(_board(source), params, _board(config), state.champion)
    say(f"beginning with the champion {config.origin} of {source.board} with {source.num_players} players")
    for remark in found.remarks:
        say(f"  {remark}")
    return run.begin_with(state, found.params)


def _board(config: RunConfig) -> Board:
    return standard(config.board, config.num_players)
