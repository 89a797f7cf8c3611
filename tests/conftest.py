"""For all tests: the same hypothesis examples every time without deadlines, and one thread each, so that several run beside
each other without waiting for cores."""

import torch
from hypothesis import settings
from spec_table import pytest_addoption, pytest_terminal_summary  # noqa: F401, hooks of `pytest tests/specs`

settings.register_profile("minimm", deadline=None, derandomize=True, report_multiple_bugs=False, max_examples=60)
settings.load_profile("minimm")
torch.set_num_threads(1)
