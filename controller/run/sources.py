"""Sources for `raycml run`: a folder, a repository on disk, or a git URL."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from controller.process.system import System, user_folder
from controller.run.follow import Source
from controller.run.options import RunOptions
from controller.source.directory import SUFFIXES
from controller.source.folder import FolderSource
from controller.source.git.source import GitOptions, GitSource
from controller.terminal.errors import CommandError, checking_options
from controller.terminal.exit_codes import Exit
from controller.terminal.options import SPECS

GIT_POLL_S = 60.0
FOLDER_POLL_S = 2.0
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|[^/][^/@]*@[^/][^/:]*:")


def open_source(options: RunOptions, system: System) -> tuple[Source, float]:
    """The source, and its polling interval in seconds."""
    if _URL.match(options.source) or _is_repository(Path(options.source)):
        return _git(options, system.environ), options.poll_s or GIT_POLL_S
    if options.ref or options.path or options.verify_key:
        raise CommandError(
            f"{_shown(options.source)} is a folder; --ref, --path and --verify-key are for git",
            Exit.USAGE,
            "give the root of the repository, or a git URL",
        )
    folder = Path(options.source)
    if options.typed and not folder.exists():
        message = f"{_shown(options.source)} does not exist"
        raise CommandError(message, Exit.SOURCE, "give a folder, a repository or a git URL")
    if folder.exists() and not folder.is_dir() and folder.suffix not in SUFFIXES:
        message = f"{_shown(options.source)} is neither a folder nor a .yaml or .yml file"
        raise CommandError(message, Exit.USAGE, "give the folder of the specs, or a spec file")
    return FolderSource((folder,), system.clock.wait), options.poll_s or FOLDER_POLL_S


def _shown(source: str) -> str:
    """The path as typed; not with an `@`, since it may be a mistyped URL with credentials."""
    return "the source" if "@" in source else source


def _is_repository(path: Path) -> bool:
    """True for the root of a work tree, or a bare repository."""
    bare = (path / "HEAD").is_file() and (path / "objects").is_dir()
    return bare or (path / ".git").exists()


def _git(options: RunOptions, environ: Mapping[str, str]) -> GitSource:
    local = not _URL.match(options.source)
    url = str(Path(options.source).resolve()) if local else options.source
    path = str(SPECS) if options.path is None else options.path
    chosen = GitOptions(
        url=url,
        ref=options.ref,
        path="" if path in {".", "./", "/"} else path,
        cache=user_folder(environ, "XDG_CACHE_HOME", ".cache")
        / "git"
        / hashlib.sha256(url.encode()).hexdigest()[:16],
        token=options.git_token or None,
        verify_key=options.verify_key,
    )
    with checking_options("`raycml run --help`"):
        return GitSource(chosen, environ)
