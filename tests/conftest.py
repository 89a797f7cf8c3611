"""For all tests: the same hypothesis examples every time without deadlines, and one thread each, so that several run beside
each other without waiting for cores."""

from pathlib import Path

import pytest
import sentences
import torch
from command_line import run
from hypothesis import settings
from spec_table import pytest_addoption as add_options_of_specs
from spec_table import pytest_terminal_summary  # noqa: F401, a hook of `pytest tests/specs`

settings.register_profile("minimm", deadline=None, derandomize=True, report_multiple_bugs=False, max_examples=60)
settings.register_profile("thorough", parent=settings.get_profile("minimm"), max_examples=200)
settings.load_profile("minimm")  # pytest --hypothesis-profile thorough: the other
torch.set_num_threads(1)


def pytest_addoption(parser):
    """Those of `pytest tests/specs`, and one to find sentences that no test has seen."""
    add_options_of_specs(parser)
    parser.addoption(
        "--sentences", metavar="FILE", help="write down where each MinimmError was made (tests/sentences.py)"
    )


def pytest_configure(config):
    """Begin to write them down, in every worker."""
    if file := config.getoption("--sentences"):
        sentences.record(Path(file).absolute())


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """With `-n 2` each process takes one half of the tests, and from the other's when it is done: dealt out in small parts, as
    is the custom, what a file trains for all of its tests would be trained in both."""
    if config.getvalue("dist") == "load":
        from xdist.scheduler import WorkStealingScheduling

        return WorkStealingScheduling(config, log)
    return None


@pytest.fixture()
def refused(capsys):
    """Run a command that must fail with exit code 2 and one line of error; returns that line."""

    def run_refused(*arguments):
        assert run(*arguments) == 2
        lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1
        return lines[0]

    return run_refused


@pytest.fixture
def write(tmp_path):
    """Write a student's file; returns its path."""

    def write_file(source, name="solution.py"):
        path = tmp_path / name
        path.write_text(source, encoding="utf-8")
        return path

    return write_file
