"""The champions of a run: ``champions/VERSION``, which training writes, or ``champions/VERSION.npz``
(:mod:`.packed`)."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..learning.config import RunConfig
from ..learning.loop import LoopState
from .checkpoints import restore_champion, save_champion
from .packed import CHAMPIONS, SUFFIX, unpack


def load_champion(path: Path | str) -> tuple[RunConfig, Any]:
    """The settings of its run and the parameters of a champion, on the first device.

    Args:
      path: ``RUN/champions/VERSION``, also of one that is packed.

    Raises:
      FileNotFoundError: there is no champion at the path.
      ValueError: it is damaged, or has settings that there are not, as another version of this package may have
        written.
    """
    path = Path(path).resolve()
    if (path / "params").is_dir():
        return restore_champion(path)
    try:
        return unpack(path.with_name(path.name + SUFFIX))
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{path} is not a champion; a run keeps its champions in RUN/{CHAMPIONS}/VERSION"
        ) from None


def champion_versions(directory: Path | str) -> list[int]:
    """Versions of the champions in a directory, in order."""
    directory = Path(directory)
    if not directory.is_dir():
        return []
    names = [path.parent.name for path in directory.glob("*/params")]
    names += [path.stem for path in directory.glob(f"*{SUFFIX}")]
    return sorted({int(name) for name in names if name.isdigit()})


def find_champion(path: Path) -> tuple[Path, int]:
    """Where champions are kept, and the version of the newest one of a run, or of RUN/champions/VERSION itself.
    FileNotFoundError when it is neither."""
    directory = path / CHAMPIONS
    versions = champion_versions(directory)
    if versions:
        return directory, versions[-1]
    if path.name.isdecimal() and int(path.name) in champion_versions(path.parent):
        return path.parent, int(path.name)
    raise FileNotFoundError(f"{path} is neither a run with champions nor RUN/{CHAMPIONS}/VERSION")


def remove_champions_after(directory: Path | str, version: int) -> None:
    """Removes champions newer than a version, those of iterations that a resumed run does again, and half written
    ones."""
    for half in Path(directory).glob("*.orbax-checkpoint-tmp*"):
        shutil.rmtree(half)
    for newer in champion_versions(directory):
        if newer > version:
            shutil.rmtree(Path(directory) / str(newer))


def complete_champions(path: Path, config: RunConfig, state: LoopState, say: Callable[[str], None]) -> None:
    """Writes the champion again if it is gone, from the state, and says which older ones are gone for good."""
    version = int(state.version)
    stored = champion_versions(path)
    if version not in stored:
        shutil.rmtree(path / str(version), ignore_errors=True)  # what may be left of it
        save_champion(path, version, config, state.champion)
        say(f"champion {version} was missing from {path}; it is written again from the checkpoint")
    if older := [str(number) for number in range(version) if number not in stored]:
        say(f"missing from {path}: champion {', '.join(older)}; training does not need them")
