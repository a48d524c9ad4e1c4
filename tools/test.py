"""mmrazor's own test.py, with the bridge on: the same arguments, the same behaviour."""

import sys

from mmnystrom.bridge import run_tool

if __name__ == '__main__':
    run_tool('test.py', sys.argv[1:])
