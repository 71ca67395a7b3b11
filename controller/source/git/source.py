"""A git repository as a source: the specs at one commit of it, as one revision.

There is no working tree: one commit is fetched into a private cache and its files are read from
there, so no hook, filter, link or half of a checkout can come between.  A commit that cannot be
read is a SourceError, and never an empty answer; the earlier revision stays in force.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from controller.core.spec.revision import Revision, SpecDocument, assemble
from controller.printable import one_line
from controller.source.attachments import resolve
from controller.source.directory import NotInSourceError, SourceError
from controller.source.git import signature, tree
from controller.source.git.address import (
    HEX,
    checked_commit,
    checked_path,
    checked_ref,
    names_of,
    parse_address,
)
from controller.source.git.cache import Cache, Repository
from controller.source.git.credentials import Credentials
from controller.source.git.limits import LISTING_BYTES, Limits
from controller.source.git.process import LimitError
from controller.source.git.program import DamagedError, Git, GitCommand, lines
from controller.source.git.tree import Entry
from controller.source.ignore import IGNORE_FILE, IgnoreRules, IgnoreRulesError, ignore_rules
from controller.source.yaml.parser import MAX_BYTES, parse

_LAST = "refs/raycml/last"  # the commit of the last fetch, so that a server sends only what is new
_SNAPSHOT = ("--depth=1", "--filter=blob:none")  # one commit and its folders, without files
_HEADER_BYTES = 128  # around each file that git prints


@dataclass(frozen=True, slots=True)
class GitOptions:
    """The choices of the operator.

    `url` is a URL (https, ssh, file; http on this machine), `user@host:path` or a folder on disk;
    `ref` a branch, a tag, a full ref name or a full commit id, None for the branch that the remote
    offers first.  With `verify_key` only commits count that are signed by a key of that file.
    """

    url: str = field(repr=False)
    ref: str | None
    cache: Path
    path: str = ""
    token: str | None = field(default=None, repr=False)
    verify_key: Path | None = None
    limits: Limits = field(default_factory=Limits)


class GitSource:
    """One repository, ref and folder.  Any number of threads and processes may share a cache."""

    def __init__(self, options: GitOptions, environ: Mapping[str, str]) -> None:
        """ValueError, without a credential in it, for a source, ref or path that is refused.

        Of `environ` git sees little: PATH, proxies, certificates, the ssh agent, and the token
        (`RAYCML_GIT_TOKEN`, or the file that `RAYCML_GIT_TOKEN_FILE` names) as a header.
        """
        address = parse_address(options.url)
        self._ref = checked_ref(options.ref)
        self._path = checked_path(options.path)
        self._limits = options.limits
        self._keys = options.verify_key.absolute() if options.verify_key else None
        self._cache = Cache(options.cache.absolute(), options.limits)
        credentials = Credentials(address, options.token, environ)
        self._git = Git(self._cache.folder, address, credentials, options.limits, environ)

    @property
    def origin(self) -> str:
        """For people, without credentials: `https://host/team/specs.git@main:specs`."""
        below = f":{self._path}" if self._path else ""
        return f"{self._git.address.shown}@{self._ref or 'HEAD'}{below}"

    def tip(self) -> str:
        """The id of the commit that the ref points at now; of an annotated tag, the tagged one.

        A short name that is both a branch and a tag is the branch.  A commit id is its own tip,
        without a call.  SourceError where the ref or the repository is not there.
        """
        if self._ref is not None and HEX.match(self._ref):
            return self._ref
        self._cache.prepare()
        names = names_of(self._ref)
        peeled = [f"{name}^{{}}" for name in names if name != "HEAD"]
        listing = self._git.refs([*names, *peeled]).decode("utf-8", "replace")
        refs = {name: each for each, _, name in (ln.partition("\t") for ln in listing.splitlines())}
        for name in names:
            commit = refs.get(f"{name}^{{}}", refs.get(name, ""))
            if HEX.match(commit):
                return commit
        if self._ref is None:
            raise self._git.error(
                "has no commit yet, or no branch that it offers first; name a ref"
            )
        raise self._git.error(
            f"has no branch or tag `{self._ref}`; correct the ref (a commit needs its full id)",
            NotInSourceError,
        )

    def read(self, commit: str) -> Revision:
        """The specs of one commit, whole.  A damaged cache is rebuilt.

        SourceError when the commit cannot be had, is not signed as asked for, or passes a limit.
        A file that cannot be used is a problem of the revision.  A commit without any `*.yaml` or
        `*.yml` below the path is a revision without clusters; others judge whether they may go.
        """
        with self._cache.locked("objects", len(checked_commit(commit))) as repository:
            try:
                return self._read(repository, commit)
            except DamagedError:
                repository.wipe()
                return self._read(repository, commit)

    def has_path(self, commit: str) -> bool:
        """True where the commit has the path.  SourceError where it cannot be read."""
        if not self._path:
            return True
        with self._cache.locked("objects", len(checked_commit(commit))) as repository:
            self._fetch(repository, commit)
            return bool(self._entries(repository, commit))

    def _read(self, repository: Repository, commit: str) -> Revision:
        self._fetch(repository, commit)
        if self._keys is not None:
            signature.check(self._git, repository, commit, self._keys)
        entries = self._entries(repository, commit)
        files, problems = tree.specs(entries, self._rules(repository, entries))
        if not files and not problems:
            return Revision((), (), commit, self.origin, empty_folders=(self._path or ".",))
        if len(files) > self._limits.files:
            raise self._too_much(f"{self._limits.files} spec files")
        contents = self._contents(repository, files)
        documents: list[SpecDocument] = []
        for entry in files:
            good, bad = parse(entry.name, contents[entry.id])
            documents += good
            problems |= set(bad)
        named = tree.attachments(documents, entries)
        contents = self._contents(repository, list(named.values()))
        read_file = tree.reader({name: contents[entry.id] for name, entry in named.items()})
        whole, more = resolve(documents, read_file)
        return assemble(whole, {*problems, *more}, origin=self.origin, commit=commit)

    def _rules(self, repository: Repository, entries: Sequence[Entry]) -> IgnoreRules:
        """The rules at the root of the path.  SourceError where they cannot be used.

        To go on without them would declare what they leave out.
        """
        found = [entry for entry in entries if entry.path == IGNORE_FILE]
        for entry in found:
            if entry.refusal is not None or len(found) > 1:
                refusal = entry.refusal or "stands twice in its folder; rewrite the commit"
                raise SourceError(f"{self.origin}: {entry.name} {refusal}")
            try:
                return ignore_rules(entry.name, self._contents(repository, [entry])[entry.id])
            except IgnoreRulesError as error:
                raise SourceError(f"{self.origin}: {one_line(str(error))}") from None
        return IgnoreRules()

    def _fetch(self, repository: Repository, commit: str) -> None:
        """See to it that the commit and its folders are in the cache."""
        kind = self._kind(repository, commit)
        if kind == "missing":
            self._git.fetch(repository, _SNAPSHOT, f"+{commit}:{_LAST}")
            kind = self._kind(repository, commit)
        if kind == "missing":
            raise self._git.error(f"commit {commit[:12]} did not arrive", DamagedError)
        if kind != "commit":
            raise self._git.error(f"{commit[:12]} is a {kind} and not a commit; name a commit")

    def _kind(self, repository: Repository, commit: str) -> str:
        arguments = ("cat-file", "--batch-check=%(objecttype)")
        printed = self._git.read(repository, *arguments, stdin=lines([commit]), out_bytes=1000)
        return printed.decode("ascii", "replace").strip().rpartition(" ")[2] or "missing"

    def _entries(self, repository: Repository, commit: str) -> list[Entry]:
        """Everything below the path; nothing where it is absent, for git keeps no empty folders."""
        below = ("--", self._path) if self._path else ()
        arguments = ("ls-tree", "-r", "-z", commit, *below)
        listing = self._git.read(repository, *arguments, out_bytes=LISTING_BYTES)
        if listing.count(b"\0") > self._limits.entries:
            raise self._too_much(f"{self._limits.entries} files")
        entries = list(tree.parse_listing(listing, self._path))
        if self._path and any(entry.path == "" for entry in entries):
            message = f"the path is not a folder at {commit[:12]}; correct the path"
            raise NotInSourceError(f"{self.origin}: {message}")
        return entries

    def _contents(self, repository: Repository, files: Sequence[Entry]) -> dict[str, bytes]:
        """The content by id; of a file too large for a spec, enough for its reader to say so."""
        ids = list(dict.fromkeys(entry.id for entry in files))
        if not ids:
            return {}
        sizes = self._sizes(repository, ids)
        if missing := [each for each in ids if each not in sizes]:
            self._git.fetch_files(repository, missing)
            sizes = self._sizes(repository, ids)
        if len(sizes) < len(ids):
            raise self._git.error("a file of the commit did not arrive", DamagedError)
        if sum(min(sizes[entry.id], MAX_BYTES + 1) for entry in files) > self._limits.total_bytes:
            raise self._too_much(f"{self._limits.total_bytes // 1024**2} MiB of spec files")
        small = {each: size for each in ids if (size := sizes[each]) <= MAX_BYTES}
        batch = self._git.read(
            repository,
            *("cat-file", "--batch"),
            stdin=lines(small),
            out_bytes=sum(small.values()) + _HEADER_BYTES * len(small),
        )
        large = dict.fromkeys(sizes.keys() - small.keys(), b" " * (MAX_BYTES + 1))
        return tree.contents(batch, small) | large

    def _sizes(self, repository: Repository, ids: Sequence[str]) -> dict[str, int]:
        arguments = ("cat-file", "--batch-check")
        out_bytes = _HEADER_BYTES * len(ids)
        return tree.sizes(
            self._git.read(repository, *arguments, stdin=lines(ids), out_bytes=out_bytes)
        )

    def _too_much(self, what: str) -> LimitError:
        return LimitError(f"{self.origin}: more than {what}; name a smaller folder")

    def follows(self, old: str, new: str) -> bool:
        """True when `old` is an ancestor of `new`, or the same: the ref only moved forward.

        False when the ref was rewound or rewritten, and when that cannot be known within the
        limits: then a person must agree.  SourceError when the remote cannot be asked.
        """
        if checked_commit(old) == checked_commit(new):
            return True
        if len(old) != len(new):
            return False
        with self._cache.locked("history", len(new)) as repository:
            # Always from nothing: a "no" must come from the remote and not from a damaged cache.
            repository.wipe()
            return self._is_ancestor(repository, old, new)

    def _is_ancestor(self, repository: Repository, old: str, new: str) -> bool:
        """Look at ever more of the history behind `new`; only commits are fetched, no folders."""
        question = GitCommand(("merge-base", "--is-ancestor", old, new), repository=repository)
        for depth in self._limits.history:
            try:
                self._git.fetch(repository, (f"--depth={depth}", "--filter=tree:0"), new)
            except LimitError:
                return False
            if self._git.run(question).code == 0:
                return True
            if not repository.is_shallow():
                return False
        return False
