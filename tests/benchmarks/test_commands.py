"""Each benchmark that a person runs still runs, at its smallest size."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.parametrize(("benchmark", "size"), [("planning", "2x2"), ("idle", "2x2")])
def test_a_benchmark_prints_a_line_for_a_size(benchmark: str, size: str) -> None:
    command = [sys.executable, "-m", f"tests.benchmarks.{benchmark}", size]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[-1].startswith(f"{size}: ")
