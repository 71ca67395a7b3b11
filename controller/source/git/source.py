"""A git repository as a source: the specs at one commit of it, as one revision.

There is no working tree: one commit is fetched into a private cache and its files are read from
there, so no hook, filter, link or half of a checkout can come between.  What cannot be had is a
SourceError, and never an empty answer; the revision that was read before stays in force.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from controller.core.spec.revision import Problem, Revision, SpecDocument, assemble
from controller.source.attachments import resolve
from controller.source.directory import NotInSourceError
from controller.source.git import signature as git_signature
from controller.source.git import tree as git_tree
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
from controller.source.git.limits import LISTING_BYTES, REFS_BYTES, Limits
from controller.source.git.program import DamagedError, Git, LimitError, Ran
from controller.source.git.remote import Remote, lines
from controller.source.git.tree import Entry
from controller.source.yaml.parse import MAX_BYTES, parse

_LAST = "refs/raycml/last"  # tells a server what we have, so that it sends only what is new
_HEADER_BYTES = 128  # around each file that git prints


@dataclass(frozen=True, slots=True)
class GitOptions:
    """What a person chose.

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
        self._address = parse_address(options.url)
        self._ref = checked_ref(options.ref)
        self._path = checked_path(options.path)
        self._limits = options.limits
        self._keys = options.verify_key.absolute() if options.verify_key else None
        folder = options.cache.absolute()
        self._cache = Cache(folder, options.limits)
        credentials = Credentials(self._address, options.token, environ)
        git = Git(folder, self._address, credentials, environ)
        self._remote = Remote(git, self._address, options.limits)

    @property
    def origin(self) -> str:
        """For people, without credentials: `https://host/team/specs.git@main:specs`."""
        below = f":{self._path}" if self._path else ""
        return f"{self._address.shown}@{self._ref or 'HEAD'}{below}"

    def tip(self) -> str:
        """The id of the commit that the ref points at now; of an annotated tag, the tagged one.

        A short name that is both a branch and a tag is the branch.  A commit id is its own tip,
        and nobody is asked.  SourceError where the ref or the repository is not there.
        """
        if self._ref is not None and HEX.match(self._ref):
            return self._ref
        self._cache.prepare()
        names = names_of(self._ref)
        asked = [*names, *(f"{name}^{{}}" for name in names if name != "HEAD")]
        listing = self._remote.refs(asked)
        return self._chosen(_refs(listing), names)

    def _chosen(self, refs: Mapping[str, str], names: Sequence[str]) -> str:
        for name in names:
            found = refs.get(f"{name}^{{}}", refs.get(name, ""))
            if HEX.match(found):
                return found
        if self._ref is None:
            raise self._remote.error(
                "has no commit yet, or no branch that it offers first; name a ref"
            )
        raise NotInSourceError(
            f"{self._address.shown}: has no branch or tag `{self._ref}`; "
            "correct the ref (a commit needs its full id)"
        )

    def read(self, commit: str) -> Revision:
        """The specs of one commit, whole.  A cache that is damaged is made anew meanwhile.

        SourceError when the commit cannot be had, is not signed as asked for, or passes a limit.
        What hinders one file is a problem of it.  A commit without any `*.yaml` or `*.yml` below
        the path is a revision without clusters: whether they may go is for others to judge.
        """
        with self._cache.held("objects", len(checked_commit(commit))) as repository:
            try:
                return self._read(repository, commit)
            except DamagedError:
                repository.wipe()
                return self._read(repository, commit)

    def _read(self, repository: Repository, commit: str) -> Revision:
        self._have(repository, commit)
        if self._keys is not None:
            git_signature.check(commit, self._keys, self._verifier(repository), self._cache.folder)
        folder = self._folder(repository, commit)
        if folder is None:
            return self._nothing(commit)
        listing = self._remote.local(repository, "ls-tree", "-r", "-z", folder, most=LISTING_BYTES)
        if listing.count(b"\0") > self._limits.entries:
            raise LimitError(
                f"{self.origin}: more than {self._limits.entries} files; name a smaller folder"
            )
        everything = tuple(git_tree.entries(listing))
        found = git_tree.specs(everything, self._path)
        if not found.files and not found.problems:
            return self._nothing(commit)
        if len(found.files) > self._limits.files:
            raise LimitError(
                f"{self.origin}: more than {self._limits.files} spec files; name a smaller folder"
            )
        return self._parsed(repository, commit, found, everything)

    def _nothing(self, commit: str) -> Revision:
        """A commit that holds no spec file at the path."""
        return Revision((), (), commit, self.origin, empty_folders=(self._path or ".",))

    def _parsed(
        self,
        repository: Repository,
        commit: str,
        found: git_tree.Specs,
        everything: Sequence[Entry],
    ) -> Revision:
        contents = self._contents(repository, found.files)
        holders: list[SpecDocument] = []
        problems: list[Problem] = list(found.problems)
        for entry in found.files:
            good, bad = parse(git_tree.name_of(entry, self._path), contents[entry.id])
            holders += good
            problems += bad
        beside = git_tree.attached(holders, everything, self._path)
        read_file = git_tree.reader(beside, self._contents(repository, tuple(beside.values())))
        whole, more = resolve(holders, read_file)
        return assemble(whole, [*problems, *more], origin=self.origin, commit=commit)

    def _have(self, repository: Repository, commit: str) -> None:
        """See to it that the commit and its folders are in the cache."""
        kind = self._kind(repository, commit)
        if kind == "missing":
            self._remote.fetch(
                repository,
                ("--depth=1", "--filter=blob:none"),
                f"+{commit}:{_LAST}",
            )
            kind = self._kind(repository, commit)
        if kind == "missing":
            raise DamagedError(f"{self._address.shown}: commit {commit[:12]} did not arrive")
        if kind != "commit":
            raise self._remote.error(f"{commit[:12]} is a {kind} and not a commit; name a commit")

    def _kind(self, repository: Repository, commit: str) -> str:
        said = self._remote.local(
            repository, "cat-file", "--batch-check", given=f"{commit}\n".encode(), most=1000
        )
        words = said.decode("ascii", "replace").split()
        return words[1] if len(words) > 1 else "missing"

    def _folder(self, repository: Repository, commit: str) -> str | None:
        """What to list: the commit, or the folder at the path in it; None where it is not there.

        Git keeps no empty folders: one whose last file was deleted is not there.
        """
        if not self._path:
            return commit
        said = self._remote.local(
            repository, "ls-tree", "-z", commit, "--", self._path, most=REFS_BYTES
        )
        found = next(iter(git_tree.entries(said)), None)
        if found is None or found.kind == "tree":
            return None if found is None else found.id
        message = f"{self.origin}: the path is not a folder at {commit[:12]}; correct the path"
        raise NotInSourceError(message)

    def has_path(self, commit: str) -> bool:
        """Whether the commit has the folder at the path.  SourceError where that cannot be read."""
        with self._cache.held("objects", len(checked_commit(commit))) as repository:
            self._have(repository, commit)
            return self._folder(repository, commit) is not None

    def _contents(self, repository: Repository, files: Sequence[Entry]) -> dict[str, bytes]:
        """The content by id; of what is too large for a spec, enough for its reader to say so."""
        ids = list(dict.fromkeys(entry.id for entry in files))
        if not ids:
            return {}
        known = self._sizes(repository, ids)
        missing = [name for name in ids if known[name] is None]
        if missing:
            self._remote.fetch_files(repository, missing)
            known |= self._sizes(repository, missing)
        there = {name: size for name in ids if (size := known[name]) is not None}
        if len(there) < len(ids):
            raise DamagedError(f"{self._address.shown}: a file of the commit did not arrive")
        small = {name: size for name, size in there.items() if size <= MAX_BYTES}
        self._check_total(files, there)
        batch = self._remote.local(
            repository,
            *("cat-file", "--batch"),
            given=lines(small),
            most=sum(small.values()) + _HEADER_BYTES * len(small),
        )
        large = dict.fromkeys(there.keys() - small.keys(), b" " * (MAX_BYTES + 1))
        return git_tree.contents(batch, small) | large

    def _check_total(self, files: Sequence[Entry], known: Mapping[str, int]) -> None:
        if sum(min(known[entry.id], MAX_BYTES + 1) for entry in files) > self._limits.total_bytes:
            most = self._limits.total_bytes // (1024 * 1024)
            raise LimitError(
                f"{self.origin}: more than {most} MiB of spec files; name a smaller folder"
            )

    def _sizes(self, repository: Repository, ids: Sequence[str]) -> dict[str, int | None]:
        said = self._remote.local(
            repository,
            *("cat-file", "--batch-check"),
            given=lines(ids),
            most=_HEADER_BYTES * len(ids),
        )
        found = git_tree.sizes(said)
        return {name: found.get(name) for name in ids}

    def follows(self, old: str, new: str) -> bool:
        """True when `old` is an ancestor of `new`, or the same: the ref only moved forward.

        False when the ref was rewound or rewritten, and when that cannot be known within the
        limits: then a person must agree.  SourceError when the remote cannot be asked.
        """
        if checked_commit(old) == checked_commit(new):
            return True
        if len(old) != len(new):
            return False
        with self._cache.held("history", len(new)) as repository:
            # Always from nothing: a "no" must come from the remote and not from a damaged cache.
            repository.wipe()
            return self._is_ancestor(repository, old, new)

    def _is_ancestor(self, repository: Repository, old: str, new: str) -> bool:
        """Look at ever more of the history behind `new`; only commits are fetched, no folders."""
        for depth in self._limits.history:
            try:
                self._remote.fetch(repository, (f"--depth={depth}", "--filter=tree:0"), new)
            except LimitError:
                return False
            if self._remote.look(repository, ("merge-base", "--is-ancestor", old, new)).code == 0:
                return True
            if not repository.is_shallow():
                return False
        return False

    def _verifier(self, repository: Repository) -> git_signature.Verify:
        def verify(arguments: Sequence[str], variables: Mapping[str, str]) -> Ran:
            return self._remote.look(repository, arguments, variables)

        return verify


def _refs(listing: bytes) -> dict[str, str]:
    """What `ls-remote` printed: ids by name."""
    lines = (line.partition("\t") for line in listing.decode("utf-8", "replace").splitlines())
    return {name: found for found, tab, name in lines if tab}
