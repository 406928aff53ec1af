"""`python -m randrelu` is the command line."""

from randrelu.cli import main

main()
