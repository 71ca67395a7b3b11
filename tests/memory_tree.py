"""The files of an emulated project in memory, for worlds in one process."""

from dataclasses import dataclass, field
from pathlib import Path

from controller.emulator.state.file_tree import Parts


@dataclass(slots=True)
class MemoryTree:
    """Files in a dict; a folder is there while a file is in it."""

    home: Path = Path("/home/cdsw")
    contents: dict[Parts, bytes] = field(default_factory=dict)

    def is_dir(self, at: Parts) -> bool:
        return not at or any(len(p) > len(at) and p[: len(at)] == at for p in self.contents)

    def is_file(self, at: Parts) -> bool:
        return at in self.contents

    def exists(self, at: Parts) -> bool:
        return self.is_file(at) or self.is_dir(at)

    def names(self, at: Parts) -> list[str]:
        deep = len(at)
        return sorted({p[deep] for p in self.contents if len(p) > deep and p[:deep] == at})

    def size(self, at: Parts) -> int:
        return len(self.contents[at])

    def read(self, at: Parts) -> bytes:
        return self.contents[at]

    def write(self, at: Parts, data: bytes) -> None:
        self.contents[at] = data

    def _under(self, at: Parts) -> list[Parts]:
        return [path for path in self.contents if path[: len(at)] == at]

    def move(self, at: Parts, to: Parts) -> None:
        for path in self._under(at):
            self.contents[to + path[len(at) :]] = self.contents.pop(path)

    def remove(self, at: Parts) -> None:
        for path in self._under(at):
            del self.contents[path]

    def destroy(self) -> None:
        self.contents.clear()


def in_memory(project_id: str) -> MemoryTree:
    return MemoryTree()
