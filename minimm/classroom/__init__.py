"""Checking what students write: one function in a notebook, or the functions of a file in a process of their own."""
