"""`python -m controller` is `raycml`."""

from controller.cli.main import main

main()
