"""Signatures of commits, checked with the keys that the operator trusts.

The file of keys says which kind of signature counts: ssh (an allowed-signers file, or plain public
keys) or gpg (exported public keys).  Other keys that the user or the machine trusts do not count.
"""

import base64
import binascii
import re
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from controller.printable import one_line
from controller.source.directory import SourceError
from controller.source.git.cache import Repository
from controller.source.git.failures import quoted
from controller.source.git.program import Git, GitCommand

KEY_BYTES = 1024 * 1024  # some thousand keys
_PUBLIC_KEY = re.compile(r"(?:ssh-|ecdsa-|sk-)\S+\s+\S+")
_ARMOUR = b"-----BEGIN PGP PUBLIC KEY BLOCK-----"
_ARMOUR_END = b"-----END"
_NO_PROGRAM = "/dev/null"


def check(git: Git, repository: Repository, commit: str, keys: Path) -> None:
    """SourceError unless the commit has a good signature by one of the keys."""
    data = _read(keys)
    with tempfile.TemporaryDirectory(dir=git.folder, prefix="keys-") as name:
        place = Path(name)
        is_gpg = data[:1] > b"\x7f" or b"-----BEGIN PGP" in data
        programs = dict.fromkeys(("openpgp", "x509", "ssh"), _NO_PROGRAM)
        if is_gpg:
            _write_ring(data, place, keys)
            programs["openpgp"] = "gpg"
            settings = []
        else:
            file = _write_signers(data, place, keys)
            programs["ssh"] = "ssh-keygen"
            settings = [f"gpg.ssh.allowedSignersFile={file}", "gpg.minTrustLevel=fully"]
        settings += [f"gpg.{kind}.program={program}" for kind, program in programs.items()]
        options = [word for each in settings for word in ("-c", each)]
        arguments = (*options, "verify-commit", commit)
        variables = {"GNUPGHOME": str(place)}
        ran = git.run(GitCommand(arguments, repository=repository, variables=variables))
    if ran.code != 0:
        raise SourceError(_why(commit, keys, ran.err))


def _read(keys: Path) -> bytes:
    try:
        if not stat.S_ISREG(keys.stat().st_mode):
            raise _unusable(keys, "it is not a regular file")
        with keys.open("rb") as file:
            data = file.read(KEY_BYTES + 1)
    except OSError as error:
        raise _unusable(keys, error.strerror or "it cannot be read") from None
    if len(data) > KEY_BYTES or not data.strip():
        raise _unusable(keys, "it is empty, or has more than 1 MiB")
    if b"PRIVATE KEY" in data:
        raise _unusable(keys, "it holds a private key, which belongs to its owner alone")
    return data


def _unusable(keys: Path, why: str) -> SourceError:
    return SourceError(
        f"the keys to verify commits with, {one_line(str(keys))}: {why}; give an ssh "
        "allowed-signers file, an ssh public key or exported gpg public keys"
    )


def _write_signers(data: bytes, place: Path, keys: Path) -> Path:
    """Plain public keys become a file that takes a signature for git by any of them."""
    try:
        lines = data.decode().splitlines()
    except UnicodeDecodeError:
        raise _unusable(keys, "it is not text") from None
    signers = [f'* namespaces="git" {line}' if _PUBLIC_KEY.match(line) else line for line in lines]
    file = place / "signers"
    file.write_text("\n".join(signers) + "\n")
    return file


def _write_ring(data: bytes, place: Path, keys: Path) -> None:
    """A keyring of these keys alone, every one of them trusted."""
    ring = place / "ring.gpg"
    ring.write_bytes(b"".join(_bare(armoured, keys) for armoured in _armoured(data)) or data)
    options = ("no-default-keyring", f"keyring {ring}", "trust-model always", "no-autostart")
    (place / "gpg.conf").write_text("\n".join(options) + "\n")


def _armoured(data: bytes) -> Iterator[bytes]:
    for block in data.split(_ARMOUR)[1:]:
        armoured, end, _ = block.partition(_ARMOUR_END)
        if end:
            yield armoured


def _bare(armoured: bytes, keys: Path) -> bytes:
    """The keys in an armour, without its headers and its check sum."""
    body = armoured.replace(b"\r", b"").partition(b"\n\n")[2]
    lines = [line for line in body.split(b"\n") if not line.startswith(b"=")]
    try:
        return base64.b64decode(b"".join(lines), validate=True)
    except binascii.Error:
        raise _unusable(keys, "its armour is damaged") from None


def _why(commit: str, keys: Path, stderr: str) -> str:
    short, file = commit[:12], one_line(str(keys))
    if not stderr.strip():
        return f"commit {short} is not signed; sign it with a key of {file}"
    if _NO_PROGRAM in stderr:
        return f"commit {short} is signed with another kind of key than is in {file}; use one of it"
    if "cannot run" in stderr or "cannot exec" in stderr:
        return f"the signature of commit {short} cannot be checked: {quoted(stderr)}; install that"
    return (
        f"commit {short} has no good signature by a key of {file}: {quoted(stderr)}; "
        "sign it with one of those keys, or add the signer's"
    )
