"""One copy of the source for all planted bugs of a process."""

from collections.abc import Iterator

import pytest

from tests.mutants.catalogue import CATALOGUE
from tests.mutants.planting import Copy, copied


@pytest.fixture(scope="session")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    killers = [mutant.killer for mutant in CATALOGUE]
    with copied(tmp_path_factory.mktemp("mutants"), killers) as made:
        yield made
