"""The studies of a directory, a file each, which is replaced as a whole at every change."""

import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from threading import RLock

import msgspec
from filelock import FileLock, Timeout

from ringrift_jax.runs.files import replacing

from .study import Document, Study

_ID = re.compile("[0-9a-f]{8}")


@dataclass(frozen=True)
class Kept:
    """A file of the directory. ``problem``: why it is not a study, if it is none."""

    id: str
    study: Study | None
    problem: str = ""


class Shelf:
    """All studies, in memory and on disk. One program at a time has a directory."""

    def __init__(self, directory: Path):
        """BlockingIOError when another program has the directory; OSError when it cannot be used."""
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.lock = RLock()
        self._held = FileLock(directory / "lock")
        try:
            self._held.acquire(timeout=0)
        except Timeout:
            raise BlockingIOError(f"the games in {directory} are open in another program") from None
        self._studies: dict[str, Study] = {}
        self._damaged: dict[str, str] = {}
        for path in sorted(directory.glob("*.json"), key=lambda path: path.stat().st_mtime):
            if _ID.fullmatch(path.stem):
                self._load(path)

    def _load(self, path: Path) -> None:
        try:
            self._studies[path.stem] = Study(msgspec.json.decode(path.read_bytes(), type=Document))
        except (ValueError, OSError) as problem:  # the file stays, so that it can be mended
            self._damaged[path.stem] = f"{path} is damaged: {problem}"

    def close(self) -> None:
        """Lets another program have the directory."""
        self._held.release()

    def all(self) -> list[Kept]:
        """Every file, the one that was last begun first."""
        with self.lock:
            good = [Kept(id, study) for id, study in self._studies.items()]
        good.sort(key=lambda kept: kept.study.document.made if kept.study else "", reverse=True)
        return [*good, *(Kept(id, None, problem) for id, problem in self._damaged.items())]

    def find(self, id: str) -> Study:
        """LookupError, with what is known, when there is no such study."""
        with self.lock:
            if id not in self._studies:
                raise LookupError(self._damaged.get(id, f"there is no game {id}"))
            return self._studies[id]

    def add(self, study: Study) -> str:
        """Keeps a new study, and returns its id."""
        with self.lock:
            id = secrets.token_hex(4)
            self._studies[id] = study
            self.save(id)
            return id

    def save(self, id: str) -> None:
        """Writes a study; OSError when that fails, and the file is as before."""
        with self.lock, replacing(self._path(id)) as file:
            file.write(msgspec.json.encode(self._studies[id].document))

    def remove(self, id: str) -> None:
        """Forgets a study and deletes its file."""
        with self.lock:
            self.find(id)
            self._path(id).unlink(missing_ok=True)
            del self._studies[id]

    def _path(self, id: str) -> Path:
        return self.directory / f"{id}.json"
