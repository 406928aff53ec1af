"""`python -m randrelu` is the command line."""

from randrelu.cli.app import main

main()
