"""One hypothesis profile for all tests: no deadlines (machines are noisy), the same examples every time, one short failure."""

from hypothesis import settings

settings.register_profile("minimm", deadline=None, derandomize=True, report_multiple_bugs=False, max_examples=60)
settings.load_profile("minimm")
