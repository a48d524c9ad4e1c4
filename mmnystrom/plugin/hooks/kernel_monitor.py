"""The hook that tells how much of the teacher's kernel matrix has arrived."""

from __future__ import annotations

import math
import re
import weakref

import torch
from mmengine.dist import all_gather, get_dist_info
from mmengine.hooks import Hook
from torch import Tensor

from mmnystrom.core import KernelMatrixError, check_integer
from mmnystrom.registry import HOOKS

from ..log_names import log_labels
from ..lookup import find_distiller, is_sharded, kda_losses, recorded_pair, unwrap
from ..once import Once

#: Figures of a loss in the line of a validation. The others are in the JSON file and the visualizer.
PRINTED = ('transfer', 'cka', 'nystrom_error_student', 'nystrom_error_teacher', 'gradient_ratio')
_OF_KERNEL = re.compile(r'kernel/[^/\s]+/(\w+): \S+ *')
#: Whose lines are short already.
_SHORT: weakref.WeakSet = weakref.WeakSet()


@HOOKS.register_module()
class KernelMonitorHook(Hook):
    """Measure kernel transfer at every validation, over the features of every KDALoss.

    The student's features are recorded as the validation runs it; the teacher is run on the same
    batches beside it (one teacher forward a batch is the cost). Both go through the loss's connectors
    and are compared by its kernel: see :func:`mmnystrom.core.measure` for the figures and their source.
    They are logged as ``kernel/kda/<figure>`` for a loss of the name ``loss_kda`` (mmengine would log
    the mean of the last ten values of anything with "loss" in its name), beside the accuracy: terminal,
    JSON, TensorBoard and what else mmengine has. They are metrics that ``save_best`` can name, too:

    - ``transfer``, ``||K_S - K_T||_F / ||K_T||_F``; ``cka``, centred kernel alignment;
    - ``nystrom_error_student``, ``nystrom_error_teacher``, at the current landmarks;
    - ``bound_partial``, ``bound_nystrom``, upper bounds of ``transfer`` (Corollaries 2 and 1);
    - ``drift_student``, ``drift_teacher``, ``||L - L_old||_F / ||L_old||_F`` of the last refresh;
    - ``landmarks``, how many are in use;
    - ``gradient_ratio``, of the last training epoch: how hard the loss pulls on the student's features,
      in multiples of the task (LandmarkHook measures it).

    The line of a validation has five of them a loss; the JSON file and the visualizer have all.
    No n x n matrix is made; memory is O(tile^2 + n d), with the features of one validation kept in
    float32 where they were computed: 4 n (d_S + d_T) bytes a loss.

    Args:
        interval: Validations from one measurement to the next. Defaults to 1.
        max_samples: Images to measure on at most, spread evenly over the validation data. Defaults to
            None, all.
        tile: Rows and columns of a tile of kernels without an explicit map. Defaults to 1024.

    Raises:
        ValueError: If an argument is not a positive integer.
    """

    # Before LoggerHook (BELOW_NORMAL), which writes what is found here.
    priority = 'NORMAL'

    def __init__(self, interval: int = 1, max_samples: int | None = None, tile: int = 1024) -> None:
        for argument, value in (('interval', interval), ('max_samples', max_samples), ('tile', tile)):
            if value is not None or argument != 'max_samples':
                check_integer(argument, value)
        self.interval = interval
        self.max_samples = max_samples
        self.tile = tile
        self._losses: dict = {}
        self._labels: dict[str, str] = {}
        self._features: dict[str, list[tuple[Tensor, Tensor]]] = {}
        self._validations = 0
        self._recording = False
        self._position = 0
        self._logged: set[str] = set()
        self._warn = Once().warn

    def before_run(self, runner) -> None:
        """Find the losses."""
        found = kda_losses(runner.model)
        if not found or not hasattr(unwrap(runner.model), 'teacher'):
            self._warn(
                'KernelMonitorHook measures nothing: it needs a model with a teacher, such as '
                f"SingleTeacherDistill, and a loss of type='KDALoss', of which it found {len(found)}."
            )
            found = {}
        if is_sharded(runner.model):
            self._warn(
                'KernelMonitorHook measures nothing: it calls the teacher by itself, and under FSDP only '
                "the whole model can be called. Measure a full checkpoint (state_dict_cfg='full') with "
                'tools/analysis/kernel_report.py.'
            )
            found = {}
        self._losses = found
        self._labels = log_labels(found)
        if found and runner.log_processor not in _SHORT:
            _SHORT.add(runner.log_processor)
            _print_few(runner.log_processor)

    def before_train(self, runner) -> None:
        """Warn of a run that never validates."""
        if runner.val_loop is None:
            self._warn(
                'KernelMonitorHook measures nothing: it measures at validation, and the config has none. '
                'Set val_dataloader, val_evaluator and val_cfg, or remove the hook.'
            )

    def before_val(self, runner) -> None:
        """Begin a measurement, if it is time."""
        self._features = {name: [] for name in self._losses}
        self._position = 0
        self._validations += 1
        self._recording = bool(self._losses) and self._validations % self.interval == 0
        for key in self._logged:  # or a validation without a measurement would log old figures
            runner.message_hub.log_scalars.pop(key, None)
        self._logged = set()

    def before_val_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        """Record the student."""
        # mmrazor's SingleTeacherDistillValLoop goes over the data a second time, with the teacher.
        self._recording = self._recording and self._position < len(runner.val_dataloader)
        if self._recording:
            find_distiller(runner.model).student_recorders.__enter__()

    def after_val_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """Take the student's features, and the teacher's of the same batch."""
        if not self._recording:
            return
        model, distiller = unwrap(runner.model), find_distiller(runner.model)
        distiller.student_recorders.__exit__(None, None, None)
        with torch.no_grad():
            with distiller.teacher_recorders:
                inputs = model.data_preprocessor(data_batch, False)['inputs']
                model.teacher(inputs, mode='tensor')
            keep = self._kept(runner, len(inputs))
            for name, (_, mapping) in self._losses.items():
                try:
                    pair = recorded_pair(distiller, name, mapping)
                except LookupError as error:
                    self._warn(f'KernelMonitorHook cannot measure what only training records: {error}')
                    continue
                self._features[name].append(tuple(rows[keep].float() for rows in pair))
        self._position += 1

    def after_val_epoch(self, runner, metrics: dict | None = None) -> None:
        """Measure, and hand the figures to whoever logs."""
        for name, parts in self._features.items():
            if not parts:
                continue
            rows = [_gather(torch.cat(part)) for part in zip(*parts, strict=True)]
            try:
                found = self._losses[name][0].measure(*rows, tile=self.tile)
            except KernelMatrixError as error:
                self._warn(f'KernelMonitorHook: {name}: {error}')
                continue
            if self._losses[name][0].gradient_ratio is not None:
                found['gradient_ratio'] = self._losses[name][0].gradient_ratio
            for figure, value in found.items():
                key = f'kernel/{self._labels[name]}/{figure}'
                runner.message_hub.update_scalar(f'val/{key}', value)
                self._logged.add(f'val/{key}')
                if metrics is not None:
                    metrics[key] = value
        self._features = {}

    def _kept(self, runner, size: int) -> Tensor:
        """Which images of a batch are measured: no padding of the last batch over ranks, and at most
        ``max_samples`` in all."""
        rank, world = get_dist_info()
        total = len(runner.val_dataloader.dataset)
        stride = 1 if self.max_samples is None else math.ceil(total / self.max_samples)
        place = self._position * runner.val_dataloader.batch_size + torch.arange(size)
        place = place * world + rank
        return ((place < total) & (place % stride == 0)).nonzero().flatten()


def _print_few(log_processor) -> None:
    """Leave all but :data:`PRINTED` out of the line of a validation, which mmengine fills with all."""
    compose = log_processor.get_log_after_epoch

    def composed(*args, **kwargs):
        tag, line = compose(*args, **kwargs)
        return tag, _OF_KERNEL.sub(lambda found: found[0] if found[1] in PRINTED else '', line).rstrip()

    log_processor.get_log_after_epoch = composed


def _gather(rows: Tensor) -> Tensor:
    """The rows of all ranks. Each rank may have another number of rows."""
    sizes = [int(size) for size in all_gather(torch.tensor([len(rows)], device=rows.device))]
    padded = rows.new_zeros(max(sizes), rows.shape[1])
    padded[: len(rows)] = rows
    return torch.cat([part[:size] for part, size in zip(all_gather(padded), sizes, strict=True)])
