"""`python -m modelwright`: the same as the command `modelwright`."""

from modelwright.cli.main import main

main()
