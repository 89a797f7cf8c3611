"""The commands of `minimm`, by what they do. Thin: they read options and call `tasks`, `datasets` and `classroom`."""
