"""`minimm advise`: which model, size and command for a task, a time and a memory, counted before anything is trained."""
