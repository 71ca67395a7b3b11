"""The token of a cluster, as its head keeps it in the project, and the request for another one."""

from controller.core.model.desired import rotation_path, token_path
from controller.files.port import ProjectFiles

LONGEST = 4096  # bytes


def read_token(files: ProjectFiles, cluster: str) -> str:
    """The token; empty for a cluster without one.  FilesError."""
    data = files.read(token_path(cluster)) or b""
    text = data.strip().decode("ascii", "replace") if len(data) <= LONGEST else ""
    return text if text.isprintable() and text.isascii() and " " not in text else ""


def request_rotation(files: ProjectFiles, cluster: str, by: str) -> None:
    """Have the head create another token when it starts again.  FilesError.

    The present one stays valid until then.
    """
    files.replace(rotation_path(cluster), f"{by}\n".encode(errors="replace"))


def is_requested(files: ProjectFiles, cluster: str) -> bool:
    """True until the head that starts has created another token.  FilesError."""
    return files.read(rotation_path(cluster)) is not None
