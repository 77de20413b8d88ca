"""`python -m service` is the echotune command."""

import sys

from service.cli import main as command
from service.logs import configure_logs


def main() -> int:
    """Run the command: what it finds goes to standard output, and what it logs does not."""
    configure_logs("info")
    return command()


if __name__ == "__main__":
    sys.exit(main())
