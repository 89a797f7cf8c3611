"""`python -m minimm` is the `minimm` command."""

from minimm.cli import main

if __name__ == "__main__":
    main()
