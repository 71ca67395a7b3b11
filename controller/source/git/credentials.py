"""The token for a repository, handed to git alone.

Git gets the header that signs in by its environment, which only this user may read; no command
line, file or message holds the token.
"""

import base64
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from controller.source.directory import SourceError
from controller.source.git.address import GitAddress

TOKEN_VARIABLE = "RAYCML_GIT_TOKEN"  # noqa: S105 - the name of a variable
TOKEN_FILE_VARIABLE = "RAYCML_GIT_TOKEN_FILE"  # noqa: S105 - the name of a variable
TOKEN_BYTES = 8 * 1024  # servers take so much as one header line
_ANY_USER = "x-access-token"  # the name that forges take beside a token
_REDACTED = "[redacted]"
_LOGIN = re.compile(r"(?i)(\w://)[^/\s@]*@|(authorization:)[^'\"]*")


@dataclass(frozen=True, slots=True)
class Credentials:
    """Credentials for one address: a given token, or the one of its URL, the environment or a file.

    A file is read for each call of git, so that a new token needs no restart.
    """

    address: GitAddress
    token: str | None = field(repr=False)
    environ: Mapping[str, str] = field(repr=False)

    def variables(self) -> dict[str, str]:
        """Additions to git's environment.  SourceError for a token that cannot be read or sent."""
        login = self._login()
        if login is None:
            return {}
        return {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"http.{self.address.url}.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {_base64(login)}",
        }

    def redact(self, text: str) -> str:
        """The text without the token in any of its spellings, and without any other login."""
        for secret in self._spellings():
            text = text.replace(secret, _REDACTED)
        return _LOGIN.sub(lambda match: f"{match[1] or match[2]}{_REDACTED}", text)

    def _spellings(self) -> list[str]:
        try:
            login = self._login()
        except SourceError:
            return []
        if login is None:
            return []
        parts = [part for part in login.split(":", 1) if part not in {"", _ANY_USER, "git"}]
        spellings = {login, _base64(login), *parts, *(quote(part, safe="") for part in parts)}
        return sorted(spellings, key=len, reverse=True)

    def _login(self) -> str | None:
        """`user:token`; without a token a user in the URL stands for one, as forges have it."""
        if not self.address.takes_token:
            return None
        token = self._token()
        if token is None:
            return f"{self.address.user}:" if self.address.user else None
        return f"{self.address.user or _ANY_USER}:{token}"

    def _token(self) -> str | None:
        token = self.token or self.address.password or self.environ.get(TOKEN_VARIABLE)
        if not token and (file := self.environ.get(TOKEN_FILE_VARIABLE)):
            token = _of_file(Path(file))
        token = (token or "").strip()
        if not token.isprintable() or len(token) > TOKEN_BYTES:
            raise SourceError("the git token is too long or holds control characters; correct it")
        return token or None


def _base64(login: str) -> str:
    return base64.b64encode(login.encode()).decode()


def _of_file(path: Path) -> str:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise SourceError(f"the file that {TOKEN_FILE_VARIABLE} names is not a regular file")
        with path.open("rb") as file:
            return file.read(TOKEN_BYTES + 1).decode()
    except (OSError, ValueError):
        raise SourceError(
            f"the file that {TOKEN_FILE_VARIABLE} names cannot be read as text; "
            "correct the variable or the file's permissions"
        ) from None
