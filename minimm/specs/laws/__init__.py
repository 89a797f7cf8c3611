"""The laws, one file an idea. Each spec is a class; its name and arguments are those of the contract."""
