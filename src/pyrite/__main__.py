"""`python -m pyrite`: the command line."""

from pyrite.cli import main

main()
