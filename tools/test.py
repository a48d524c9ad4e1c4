"""mmrazor's own test.py, with the bridge on: the same arguments; of a distillation, the teacher too."""

import functools
import sys

from mmengine.runner import Runner

from mmnystrom.bridge import run_tool
from mmnystrom.plugin import TeacherTestHook


def test_teachers() -> None:
    """Let every runner of this process test the teacher of its model, if there is one."""
    test = Runner.test

    @functools.wraps(test)
    def with_teacher(self):
        if not any(isinstance(hook, TeacherTestHook) for hook in self.hooks):
            self.register_hook(TeacherTestHook())
        return test(self)

    Runner.test = with_teacher


if __name__ == '__main__':
    test_teachers()
    run_tool('test.py', sys.argv[1:])
