"""`python -m controller` is `raycml`."""

from controller.start import main

main()
