"""What the matrix measured, as data: `measured.json`, one entry a version."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

FILE = Path(__file__).with_name("measured.json")
Entry = Mapping[str, object]

# Column of the page, fact, and the words for it.
_WORDS: Mapping[str, tuple[str, Mapping[object, str]]] = {
    "label_pairs": ("`--labels`", {True: "`key=value`", False: "JSON"}),
    "own_temp_dir": ("worker's `--temp-dir`", {True: "counts", False: "ignored"}),
    "drains_at_term": ("TERM drains", {True: "yes", False: "no"}),
    "match_level": ("Python agrees to the", {True: "patch or minor", False: "patch"}),
    "tokens": ("tokens", {True: "yes", False: "no"}),
    "rocksdb": ("RocksDB", {True: "yes", False: "no"}),
    "busy_idle_drain": ("end of a busy node as idle", {"refused": "refused"}),
    "rows": ("node table", {"dict": "dicts", "GcsNodeInfo": "messages"}),
    "without_user_agent": ("dashboard without `User-Agent`", {200: "200", 500: "500"}),
}
HEAD = ("Ray", "Python", "story", "seconds to ready", *(word for word, _ in _WORDS.values()))


def entries() -> list[Entry]:
    """In the order of versions."""
    found: list[Entry] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def write(new: Iterable[Entry]) -> None:
    """Entries in place of those of the same version and Python."""
    kept = {_key(entry): entry for entry in (*entries(), *new)}
    ordered = [kept[key] for key in sorted(kept)]
    FILE.write_text(json.dumps(ordered, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _key(entry: Entry) -> tuple[list[int], list[int]]:
    ray, python = str(entry["ray"]), str(entry["python"])
    return tuple(map(int, ray.split("."))), tuple(map(int, python.split(".")))


def rows(of: Iterable[Entry]) -> Iterator[Sequence[str]]:
    for entry in of:
        yield (
            str(entry["ray"]),
            str(entry["python"]),
            str(entry["story"]),
            str(entry.get("seconds", "-")),
            *(words.get(entry.get(fact), "-") for fact, (_, words) in _WORDS.items()),
        )


def pins(of: Iterable[Entry]) -> list[str]:
    """A line for each version that needs requirements beside its own."""
    return [f"{e['ray']}: {', '.join(map(str, e['pins']))}" for e in of if e.get("pins")]
