"""`python -m tessera` is the command `tessera`."""

from tessera.commands.main import main

main()
