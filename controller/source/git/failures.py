"""Failures of git, each as one sentence with a remedy.

A failure that is not listed here is quoted; the caller has taken credentials out.
"""

import re

from controller.printable import one_line

_QUOTED = 300  # characters of a message of git that are shown

# The order counts: git often adds to a cause that the connection ended.
NO_COMMIT = (
    "the commit is not there any more, or is not given out; check whether the ref was rewound"
)
_SENTENCES = {
    "the host's ssh key is not known; add it to ~/.ssh/known_hosts of this user": (
        "host key verification failed",
        "host identification has changed",
    ),
    "the credentials are refused, or missing; set RAYCML_GIT_TOKEN for https:, or for ssh: "
    "give this user a key that may read the repository": (
        "authentication failed",
        "could not read (username|password)",
        "returned error: 40[13]",
        r"permission denied \(",
        "access denied",
    ),
    "the server sends on to another address; name that one as the source": (
        r"returned error: 30\d",
        "redirect",
    ),
    "there is no git repository, or these credentials may not see it; correct the source "
    "(on disk it is the folder that holds .git)": (
        "returned error: 404",
        "repository not found",
        "repository '[^'\n]*' not found",
        "not appear to be a git repository",
        "not a git repository",
        "project you were looking for could not be found",
    ),
    "the repository belongs to another user; run as that user, or read it over ssh:": (
        "dubious ownership",
    ),
    "the server's certificate is not trusted; let GIT_SSL_CAINFO name its authority's file": (
        "certificate",
        "ssl peer",
    ),
    NO_COMMIT: (
        "not our ref",
        "unadvertised object",
        "find remote ref",
        "no such remote ref",
    ),
    "the server does not speak git's own protocol; use another address of the repository": (
        "dumb http",
    ),
    "cannot be reached; check the network and the address": (
        "could(n't| not) resolve",
        "connection (refused|timed out|reset|closed)",
        "(failed|couldn't) to connect",
        "unreachable",
        "no route to host",
        "timed out",
        "too slow",
        "unexpected disconnect",
        "early eof",
        "hung up",
        "rpc failed",
        r"returned error: (429|5\d\d)",
        "empty reply",
        "proxy",
    ),
}
_PATTERNS = tuple(
    (re.compile("|".join(patterns), re.IGNORECASE), text) for text, patterns in _SENTENCES.items()
)
# Git adds it to nearly every failure of a transport, whatever the cause.
_NOISE = re.compile(
    r"(fatal: )?Could not read from remote repository\.|Please make sure you have .*|"
    r"and the repository exists\."
)


def explained(stderr: str) -> str | None:
    """The sentence for a failure that is the remote's; None when the cache may be at fault."""
    text = _NOISE.sub("", stderr)
    return next((sentence for pattern, sentence in _PATTERNS if pattern.search(text)), None)


def quoted(stderr: str) -> str:
    """The last telling line of stderr, bounded and in one line."""
    lines = [line.strip() for line in _NOISE.sub("", stderr).splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("fatal:", "error:"))] or lines
    return one_line(telling[-1])[:_QUOTED] if telling else "no message"
