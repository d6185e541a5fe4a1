"""Let ``python -m gluonbook_ch7`` be the command ``gluonbook-ch7``."""

from .cli import main

main()
