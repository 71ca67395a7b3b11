"""Errors of CML: gRPC codes, their HTTP statuses, and the JSON body.

Raised below the HTTP module and rendered there.  Not for bugs of the emulator.
"""

from enum import IntEnum


class Code(IntEnum):
    """gRPC codes of CML's answers."""

    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    UNIMPLEMENTED = 12
    UNAUTHENTICATED = 16


HTTP_STATUS = {
    Code.UNKNOWN: 500,
    Code.INVALID_ARGUMENT: 400,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.PERMISSION_DENIED: 403,
    Code.RESOURCE_EXHAUSTED: 409,
    Code.FAILED_PRECONDITION: 400,
    Code.UNIMPLEMENTED: 501,
    Code.UNAUTHENTICATED: 401,
}
"""The mapping of grpc-gateway v1, which CML uses according to its answers; a quota is a 409."""


class ApiError(Exception):
    """A refusal; `code` decides the HTTP status."""

    def __init__(self, code: Code, message: str, status: int | None = None) -> None:
        """`status` replaces the code's, where CML answers otherwise."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = HTTP_STATUS[code] if status is None else status

    def body(self) -> dict[str, object]:
        return {
            "error": self.message,
            "code": int(self.code),
            "message": self.message,
            "details": [],
        }


def invalid(message: str) -> ApiError:
    return ApiError(Code.INVALID_ARGUMENT, message)


def not_found(what: str) -> ApiError:
    return ApiError(Code.NOT_FOUND, f"{what} not found")
