"""Addresses of repositories, refs and paths: checked before git sees them.

Everything here is pure text: nothing is read, and no message holds a credential.  Transports that
run programs (`ext::`), or that neither encrypt nor sign (`git:`, `http:` beyond this machine), are
refused, for the writer of specs decides what runs.
"""

import ipaddress
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

SCHEMES = "https, ssh and file"
HEX = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})\Z")
_HELPER = re.compile(r"[A-Za-z0-9.+-]*::")
_SCP = re.compile(
    r"(?:(?P<user>[\w.-]+)@)?(?P<host>\[[0-9A-Fa-f:.]+\]|\w[\w.-]*):(?P<path>[^/].*|/.*)"
)
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9][A-Za-z0-9._-]*)(?::[0-9]{1,5})?")
_USER = re.compile(r"\w[\w.+@-]*\Z")
_SCHEME_WORDS = {"https", "http", "ssh", "git", "file"}  # `https:/user:password@host` is none
_NOT_IN_A_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(?:/|\Z)")
_REF_MAX = 255


@dataclass(frozen=True, slots=True)
class GitAddress:
    """`url` is for git, without credentials; `folder` is set for a repository on this disk."""

    url: str
    scheme: str
    folder: Path | None = None
    user: str = field(default="", repr=False)  # in a web URL it may be a token as well
    password: str | None = field(default=None, repr=False)

    @property
    def shown(self) -> str:
        """The address for people, without credentials."""
        return self.url if self.folder is None else str(self.folder)

    @property
    def takes_token(self) -> bool:
        return self.scheme in {"https", "http"}


def parse_address(text: str) -> GitAddress:
    """A URL, `user@host:path`, or a folder on disk.  ValueError, without the text, for others."""
    if not text or text.startswith("-") or not text.isprintable():
        raise ValueError(
            "the source is empty, begins with `-` or holds control characters; "
            f"give a folder, or a URL with one of {SCHEMES}"
        )
    if _HELPER.match(text):
        raise ValueError(f"a source that runs a program (`name::`) is refused; use {SCHEMES}")
    if "://" in text:
        return _url_address(text)
    if ":" in text.partition("/")[0]:
        return _scp_address(text)
    return _folder_address(Path(text))


def _url_address(text: str) -> GitAddress:
    try:
        parts = urlsplit(text)
    except ValueError:
        raise ValueError("the source is not a URL that can be read; correct it") from None
    if parts.query or parts.fragment:
        raise ValueError("the URL of a repository has no `?` and no `#`; leave that part out")
    login, _, host = parts.netloc.rpartition("@")
    if parts.scheme == "file":
        if host not in {"", "localhost"} or not parts.path.startswith("/"):
            raise ValueError("a file: URL names a folder of this machine; write file:///folder")
        return _folder_address(Path(unquote(parts.path)))
    if parts.scheme not in {"https", "http", "ssh"}:
        raise ValueError(f"sources over `{parts.scheme[:20]}:` are refused; use {SCHEMES}")
    if not _HOST.fullmatch(host):
        raise ValueError("the host of the source is not valid; correct the URL")
    if parts.scheme == "ssh":
        return _ssh_address(login, host + parts.path)
    if parts.scheme == "http" and not _is_this_machine(host):
        raise ValueError(
            "http: is only taken for this machine, since others on the way could change specs; "
            "use https:"
        )
    user, colon, password = map(unquote, login.partition(":"))
    if ":" in user or not (user + password).isprintable():
        raise ValueError("the credentials in the URL cannot be sent as they are; correct them")
    url = f"{parts.scheme}://{host}{parts.path}"
    return GitAddress(url, parts.scheme, user=user, password=password if colon else None)


def _is_this_machine(host: str) -> bool:
    name = host.rpartition(":")[0] if re.search(r":[0-9]+\Z", host) else host
    try:
        return name == "localhost" or ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def _ssh_address(login: str, rest: str) -> GitAddress:
    user = unquote(login)
    if ":" in login:
        raise ValueError("ssh: takes keys and no password; take the password out of the URL")
    if user and not _USER.match(user):
        raise ValueError("the user name in the URL is not valid; correct it")
    return GitAddress(f"ssh://{user + '@' if user else ''}{rest}", "ssh")


def _scp_address(text: str) -> GitAddress:
    parts = _SCP.fullmatch(text)
    if (
        parts is None
        or parts["host"].lower() in _SCHEME_WORDS
        or "@" in parts["path"].partition("/")[0]
        or parts["path"].startswith("-")
    ):
        raise ValueError(
            "the source is neither a URL nor `user@host:path`; correct it, "
            "or write ./ before the name of a folder that holds a colon"
        )
    return GitAddress(text, "ssh")


def _folder_address(path: Path) -> GitAddress:
    folder = path.absolute()
    if not str(folder).isprintable():
        raise ValueError("the folder's name holds control characters; rename it")
    return GitAddress(f"file://{quote(str(folder))}", "file", folder)


def checked_ref(ref: str | None) -> str | None:
    """A ref that git would take, commit ids in lower case.  ValueError for others."""
    if ref is None or ref == "HEAD":
        return None
    if HEX.match(ref.lower()):
        return ref.lower()
    odd = ref.startswith(("-", "/", ".")) or ref.endswith(("/", ".")) or ref in {"", "@"}
    if odd or len(ref) > _REF_MAX or not ref.isprintable() or _NOT_IN_A_REF.search(ref):
        raise ValueError("the ref is no name that git allows; give a branch, a tag or a commit id")
    return ref


def checked_path(path: str) -> str:
    """A folder inside the repository, without `.` and repeated slashes.  ValueError for others."""
    parts = [part for part in path.split("/") if part not in {"", "."}]
    if ".." in parts or not path.isprintable():
        raise ValueError(
            "the path within the repository holds `..` or control characters; "
            "name a folder below its top"
        )
    return "/".join(parts)


def checked_commit(commit: str) -> str:
    if not HEX.match(commit):
        raise ValueError("not a full commit id; it has 40 or 64 hexadecimal digits")
    return commit


def names_of(ref: str | None) -> tuple[str, ...]:
    """The full names that a ref may stand for, the preferred one first."""
    if ref is None:
        return ("HEAD",)
    if ref.startswith("refs/"):
        return (ref,)
    return f"refs/heads/{ref}", f"refs/tags/{ref}", f"refs/{ref}"
