"""Checking what students write: one function in a notebook, a file in a process of its own, a class; and its lessons."""
