"""The teacher's accuracy beside the student's, when a distillation is tested."""

from __future__ import annotations

import functools

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.runner.amp import autocast

from mmnystrom.registry import HOOKS

from ..lookup import unwrap


@HOOKS.register_module()
class TeacherTestHook(Hook):
    """Test the teacher on the data that the student was tested on.

    Its metrics join the student's as ``teacher.<metric>``, the names that mmrazor's validation loop
    gives them. Nothing happens for a model without a teacher. ``tools/test.py`` adds the hook to every
    config.
    """

    # Before RuntimeInfoHook (VERY_HIGH), which hands the metrics to whoever logs.
    priority = 'HIGHEST'

    @torch.no_grad()
    def after_test_epoch(self, runner, metrics: dict | None = None) -> None:
        """Run the teacher, and add what the evaluator says of it."""
        model = unwrap(runner.model)
        teacher = getattr(model, 'teacher', None)
        if teacher is None or metrics is None:
            return
        teacher = unwrap(teacher)
        loop = runner.test_loop
        teacher.eval()
        for batch in loop.dataloader:
            with autocast(enabled=loop.fp16):
                data = model.data_preprocessor(batch, False)
                outputs = teacher(**data, mode='predict')
            loop.evaluator.process(data_samples=outputs, data_batch=batch)
        found = loop.evaluator.evaluate(len(loop.dataloader.dataset))
        metrics.update({f'teacher.{name}': value for name, value in found.items()})


def test_teachers() -> None:
    """Let every runner of this process test the teacher of its model, if there is one."""
    test = Runner.test

    @functools.wraps(test)
    def with_teacher(self):
        if not any(isinstance(hook, TeacherTestHook) for hook in self.hooks):
            self.register_hook(TeacherTestHook())
        return test(self)

    Runner.test = with_teacher
