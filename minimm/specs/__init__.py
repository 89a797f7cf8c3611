"""The contract as laws: named properties that any implementation of a function must obey, whoever wrote it.

`law.py` says what a law is, `laws/` holds them by idea, `grading.py` tries them on a function, `registry.py` finds them
by name, and `implementations/` are the functions that minimm itself, NumPy, PyTorch and TensorFlow have to offer.
"""
