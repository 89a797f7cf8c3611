"""For all tests: the same hypothesis examples every time without deadlines, and one thread each, so that several run beside
each other without waiting for cores."""

import pytest
import torch
from command_line import run
from hypothesis import settings
from spec_table import pytest_addoption, pytest_terminal_summary  # noqa: F401, hooks of `pytest tests/specs`

settings.register_profile("minimm", deadline=None, derandomize=True, report_multiple_bugs=False, max_examples=60)
settings.load_profile("minimm")
torch.set_num_threads(1)


@pytest.fixture()
def refused(capsys):
    """Run a command that must fail with exit code 2 and one line of error; returns that line."""

    def run_refused(*arguments):
        assert run(*arguments) == 2
        lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1
        return lines[0]

    return run_refused
