"""An interpreter behind a link that leads out of the project."""

import pytest

from controller.cml.errors import CmlError, NotFound, Rejected, Unavailable, Unknown
from controller.doctor.checks.files import has_interpreter
from controller.doctor.probe import NoAnswerError
from controller.files.api import ApiFiles, Faults
from controller.files.port import FilesError

FAULTS = Faults(any=CmlError, missing=NotFound, unknown=Unknown)


class Remote:
    """The files of a project whose folders cannot be listed."""

    def __init__(self, fault: CmlError) -> None:
        self.fault = fault

    def list_files(self, *_: object) -> tuple[object, ...]:
        raise self.fault


def interpreter(fault: CmlError) -> object:
    files = ApiFiles(Remote(fault), "p", FAULTS)  # type: ignore[arg-type]  # no more is asked
    return has_interpreter(files, ".venv/bin/python", None)


def test_a_folder_that_leads_out_of_the_project_is_said_as_such() -> None:
    with pytest.raises(NoAnswerError) as found:
        interpreter(Rejected("list files: CML refused (HTTP 400): leads out", status=400))
    assert found.value.why == (
        "CML does not list .venv/bin; it may be a link out of the project, which only pods can "
        "follow"
    )


def test_a_folder_that_is_not_there_holds_no_interpreter() -> None:
    assert interpreter(NotFound("no")) is False


def test_any_other_fault_stays_one() -> None:
    with pytest.raises(FilesError):
        interpreter(Unavailable("away"))
