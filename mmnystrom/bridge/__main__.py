"""``python -m mmnystrom.bridge SCRIPT ARGS...``: any script of mmrazor's or of a user's."""

import sys

from .run import run_script


def main() -> None:
    """Run the script named first on the command line."""
    if len(sys.argv) < 2 or sys.argv[1] in ('-h', '--help'):
        sys.exit('usage: python -m mmnystrom.bridge SCRIPT [ARGS ...]')
    run_script(sys.argv[1], sys.argv[2:])


if __name__ == '__main__':
    main()
