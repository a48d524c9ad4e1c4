"""mmrazor's own test.py, with the bridge on: the same arguments; of a distillation, the teacher too."""

import sys

from mmnystrom.bridge import run_tool
from mmnystrom.plugin.hooks.teacher_test import test_teachers

if __name__ == '__main__':
    test_teachers()
    run_tool('test.py', sys.argv[1:])
