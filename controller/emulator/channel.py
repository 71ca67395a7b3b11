"""Requests whose header has a long run of blanks, refused before it is parsed.

The parser of waitress takes time by the square of such a run, and holds the interpreter meanwhile:
eight kilobytes of blanks stop every thread for half a second.
"""

from typing import Any

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError

BLANKS_MAX = 256
_RUN = b" " * (BLANKS_MAX + 1)


class _Parser(HTTPRequestParser):
    def parse_header(self, header_plus: bytes) -> Any:
        if _RUN in header_plus.replace(b"\t", b" "):
            raise ParsingError("Too many blanks in the header")
        return super().parse_header(header_plus)


class Channel(HTTPChannel):
    """A connection of the server."""

    parser_class = _Parser
