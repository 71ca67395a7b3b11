"""Refusal of request headers with long runs of spaces, before parsing.

Waitress needs quadratic time for such a run and blocks the interpreter meanwhile: eight kilobytes
of spaces stop every thread for half a second.
"""

from typing import Any

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError

BLANKS_MAX = 256
_RUN = b" " * (BLANKS_MAX + 1)


class _Parser(HTTPRequestParser):
    def parse_header(self, header_plus: bytes) -> Any:
        if _RUN in header_plus.replace(b"\t", b" "):
            raise ParsingError("Too many spaces in the header")
        return super().parse_header(header_plus)


class Channel(HTTPChannel):
    """A connection to the server."""

    parser_class = _Parser
