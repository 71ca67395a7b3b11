"""What is asked of a repository over its transport, and of the cache beside it.

Failures come back as one sentence each, told apart by whose fault they are: a SourceError is the
remote's or a person's, a DamagedError may be the cache's.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from controller.source.directory import NotInSourceError, SourceError
from controller.source.git.address import Address
from controller.source.git.cache import Repository
from controller.source.git.failures import NO_COMMIT, explained, quoted
from controller.source.git.limits import REFS_BYTES, Limits
from controller.source.git.program import Call, DamagedError, Git, Ran

_FETCH = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules")
# Where a single file is asked for, nothing that we have may make the server think we have it too.
_FILES = ("-c", "fetch.negotiationAlgorithm=noop", *_FETCH, "--filter=blob:none", "--stdin")


@dataclass(frozen=True, slots=True)
class Remote:
    """One address, within its limits."""

    git: Git
    address: Address
    limits: Limits

    def refs(self, names: Sequence[str]) -> bytes:
        """What `ls-remote` prints about refs of these names, and others that end in them."""
        call = Call(
            ("ls-remote", "--quiet", "--", self.address.url, *names),
            seconds=self.limits.listing_s,
            out_bytes=REFS_BYTES,
            remote=True,
        )
        return self._ask(call).out

    def fetch(self, repository: Repository, options: Sequence[str], wanted: str) -> None:
        """Bring a commit into the cache.  LimitError, SourceError or DamagedError."""
        self._fetch(repository, (*_FETCH, *options, "--", self.address.url, wanted))

    def fetch_files(self, repository: Repository, ids: Iterable[str]) -> None:
        """Bring files into the cache.  LimitError, SourceError or DamagedError."""
        self._fetch(repository, (*_FILES, "--", self.address.url), lines(ids))

    def _fetch(self, repository: Repository, arguments: Sequence[str], given: bytes = b"") -> None:
        before = repository.size()
        call = Call(
            arguments,
            seconds=self.limits.fetch_s,
            out_bytes=REFS_BYTES,
            given=given,
            repository=repository.folder,
            remote=True,
            grown=lambda: repository.size() - before,
            most=self.limits.fetch_bytes,
            hold=repository.hold,
        )
        try:
            self._ask(call)
        finally:
            repository.settle()

    def _ask(self, call: Call) -> Ran:
        folder = self.address.folder
        if folder is not None and not folder.is_dir():
            raise self.error("there is no such folder; correct the source")
        ran = self.git.run(call)
        if ran.code == 0:
            return ran
        known = explained(ran.err)
        if known == NO_COMMIT:
            raise NotInSourceError(f"{self.address.shown}: {known}")
        if known is not None:
            raise self.error(known)
        raise DamagedError(
            f"{self.address.shown}: git failed and said: {quoted(ran.err)}; try it there by hand"
        )

    def local(
        self, repository: Repository, *arguments: str, most: int, given: bytes = b""
    ) -> bytes:
        """What git prints about the cache, at most so many bytes.  LimitError or DamagedError."""
        ran = self.git.run(self._call(repository, arguments, most, given))
        if ran.code != 0:
            raise DamagedError(
                f"{self.address.shown}: the commit cannot be read: {quoted(ran.err)}; "
                "look at the repository with `git fsck`"
            )
        return ran.out

    def look(
        self,
        repository: Repository,
        arguments: Sequence[str],
        variables: Mapping[str, str] | None = None,
    ) -> Ran:
        """A run on the cache whose exit code is its answer."""
        return self.git.run(self._call(repository, arguments, REFS_BYTES, b"", variables))

    def _call(
        self,
        repository: Repository,
        arguments: Sequence[str],
        most: int,
        given: bytes,
        variables: Mapping[str, str] | None = None,
    ) -> Call:
        return Call(
            arguments,
            seconds=self.limits.local_s,
            out_bytes=most,
            given=given,
            repository=repository.folder,
            hold=repository.hold,
            variables=variables or {},
        )

    def error(self, message: str) -> SourceError:
        return SourceError(f"{self.address.shown}: {message}")


def lines(names: Iterable[str]) -> bytes:
    return "".join(f"{name}\n" for name in names).encode()
