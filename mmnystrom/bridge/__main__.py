"""``python -m mmnystrom.bridge SCRIPT ARGS...``: any script of mmrazor's or of a user's."""

import sys

from .run import run_script


def main() -> None:
    """Run the script named first on the command line."""
    args = sys.argv[1:]
    # torch.distributed.launch puts this before the script.
    rank = [args.pop(0)] if args and args[0].startswith('--local-rank=') else []
    if not args or args[0] in ('-h', '--help'):
        sys.exit('usage: python -m mmnystrom.bridge SCRIPT [ARGS ...]')
    run_script(args[0], [*args[1:], *rank])


if __name__ == '__main__':
    main()
