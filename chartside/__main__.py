"""`python -m chartside` is the `chartside` command."""

from chartside.cli import main

main()
