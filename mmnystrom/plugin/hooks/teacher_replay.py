"""The hook that lets a teacher run once on each view of an image."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import BaseLoop
from torch.utils.data import IterableDataset

from mmnystrom.core import check_integer, check_number
from mmnystrom.registry import HOOKS

from ..lookup import find_distiller, freeze_teacher, unwrap
from ..replay import ReplayedTeacher, ReplayError, ReplayStore
from ..replay.checks import check_replayable
from ..replay.key import probes, store_key
from ..replay.record import STORED
from ..replay.store import write_whole
from ..replay.views import SeededViews, kept_random_state, seeded_loader, view_sampler
from ..schedule import by_epoch, epoch_length
from ..training_pass import training_precision

#: In the work directory of a run: what it replays.
NOTE = 'replay.json'


@HOOKS.register_module()
class TeacherReplayHook(Hook):
    """Store what the teacher's recorders catch, and replay it instead of running the teacher again.

    The training data gives ``views`` fixed views of every image, drawn as its pipeline draws them. The
    first time that a view comes by, the teacher runs on it and what its recorders caught is stored.
    Later, in this run or in another one of the same teacher, data and layers, the recorders are filled
    from the store and the teacher does not run. Validation and monitoring have the live teacher. A
    teacher that is not trained is put wholly in eval mode, as LandmarkHook does.

    A store may be shared by any number of runs and ranks at a time. What is stored is never taken for
    another teacher, pipeline, dtype or precision: those have folders of their own beside it.

    Sources: Shen and Xing, "A Fast Knowledge Distillation Framework for Visual Recognition", ECCV 2022;
    Faghri et al., "Reinforce Data, Multiply Impact", ICCV 2023, for the number of views.

    Args:
        store: Folder of the store; it may hold those of other teachers and data. None: nothing is
            stored and the teacher always runs, on the same fixed views. Defaults to
            ``'work_dirs/replay'``.
        views: Views of an image. Defaults to None, as many as the run has epochs: the same training as
            without the hook.
        dtype: ``'float32'``, ``'float16'`` or ``'bfloat16'``, in which floating-point numbers are
            stored that have more bits. Defaults to ``'float32'``.
        max_gib: Largest size of what this run stores, in GiB. Defaults to 20.
        seed: Of the views, the same for all runs that share a store, whatever their own seeds are.
            Defaults to 0.
        refuse: Whether a run that cannot be replayed, or is too large, is an error. If not, it goes on
            with the live teacher and one warning. Defaults to True.

    Raises:
        ValueError: If an argument makes no sense; before the run, if the model, its data or its size
            cannot be replayed (ReplayError).
    """

    # Before LandmarkHook (NORMAL), which may run the teacher before the first iteration.
    priority = 'ABOVE_NORMAL'

    def __init__(
        self,
        store: str | None = 'work_dirs/replay',
        views: int | None = None,
        dtype: str = 'float32',
        max_gib: float = 20,
        seed: int = 0,
        refuse: bool = True,
    ) -> None:
        if views is not None:
            check_integer('views', views)
        check_integer('seed', seed, 0)
        check_number('max_gib', max_gib)
        if dtype not in STORED:
            raise ValueError(f'dtype={dtype!r} is unknown: write one of {", ".join(map(repr, STORED))}.')
        self.path = None if store is None else Path(store)
        self.views = views
        self.dtype = dtype
        self.max_gib = max_gib
        self.seed = seed
        self.refuse = refuse
        self.teacher: ReplayedTeacher | None = None
        self._why_live: str | None = None

    def before_run(self, runner) -> None:
        """Refuse what cannot be replayed.

        Raises:
            ReplayError: See :func:`~mmnystrom.plugin.replay.checks.check_replayable`.
        """
        hooks = [hook for hook in runner.hooks if isinstance(hook, TeacherReplayHook)]
        if len(hooks) > 1:
            raise ReplayError(f'custom_hooks holds {len(hooks)} TeacherReplayHooks: leave one.')
        if isinstance(runner._train_loop, BaseLoop):  # or it is a validation or a test
            self._or_live(check_replayable, runner)

    def before_train(self, runner) -> None:
        """Make the data give fixed views, find out what is recorded, and open the store.

        Raises:
            ReplayError: If something recorded cannot be replayed, or there is no room for it.
        """
        length = epoch_length(runner)
        views = self.views or -(-runner.max_iters // max(length, 1)) or 1
        with kept_random_state():
            self._use_views(runner, views)
            if self._why_live is None:
                self._or_live(self._open, runner, views)
        if self.teacher is not None:
            self.teacher.begin()
        self._note(runner, views)

    def before_train_epoch(self, runner) -> None:
        """Tell the data the epoch."""
        if by_epoch(runner) and isinstance(runner.train_dataloader.dataset, SeededViews):
            view_sampler(runner.train_dataloader).epoch = runner.epoch

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        """Keep the teacher in eval mode, which the loop's ``train()`` has reset."""
        if self.teacher is not None:
            freeze_teacher(runner.model)

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """Log which part of the images so far the teacher did not run on.

        Raises:
            ReplayError: If the model does not call its teacher as a whole.
        """
        teacher = self.teacher
        if teacher is None:
            return
        if not teacher.images:
            raise ReplayError(
                f'{type(unwrap(runner.model)).__name__} does not call teacher(inputs, data_samples, '
                "mode='loss'), so that nothing is replayed: remove TeacherReplayHook."
            )
        runner.message_hub.update_scalar('train/replay/share', 1 - teacher.ran / teacher.images)

    def after_train(self, runner) -> None:
        """Give the teacher back, and say how often it ran."""
        teacher = self.teacher
        if teacher is None:
            return
        teacher.end()
        if teacher.store is not None:
            runner.logger.info(
                f'TeacherReplayHook: the teacher ran on {teacher.ran:,} of {teacher.images:,} images, '
                'the others were replayed.'
            )
            teacher.store.close()
        self.teacher = None

    def _use_views(self, runner, views: int) -> None:
        loop = runner.train_loop
        if isinstance(loop.dataloader.dataset, IterableDataset):  # has been refused
            return
        loop.dataloader = seeded_loader(loop.dataloader, views, self.seed)
        if hasattr(loop, 'dataloader_iterator'):  # a loop that counts iterations has begun already
            loop.dataloader_iterator = type(loop.dataloader_iterator)(loop.dataloader)

    def _open(self, runner, views: int) -> None:
        model = unwrap(runner.model)
        recorders = find_distiller(model).teacher_recorders
        if self.path is None:
            self.teacher = ReplayedTeacher(unwrap(model.teacher), recorders)
            return
        freeze_teacher(model)
        loader = runner.train_dataloader
        items = probes(loader.dataset)
        key = store_key(runner, unwrap(model.teacher), loader.dataset, items, self.dtype)
        data = model.data_preprocessor(loader.collate_fn(items), True)
        with torch.no_grad(), training_precision(runner) as key['computed']:
            try:
                store = ReplayStore(self.path, key, len(loader.dataset))
            except OSError as error:
                raise ReplayError(f'store={str(self.path)!r} cannot be used: {error}.') from error
            teacher = ReplayedTeacher(unwrap(model.teacher), recorders, store)
            teacher.probe(data['inputs'], data['data_samples'], self.dtype)
        store.check_room(views, self.max_gib)
        self.teacher = teacher
        runner.logger.info(
            f'TeacherReplayHook: {store.size(views) or "nothing but parameters is recorded"}; in '
            f'{store.folder}'
        )

    def _note(self, runner, views: int) -> None:
        """Leave word in the folder of the run of what it replays."""
        store = None if self.teacher is None else self.teacher.store
        if not is_main_process():
            return
        note = dict(views=views, dtype=self.dtype, seed=self.seed, live=self._why_live)
        if store is not None:
            row_bytes = {name: layer.row_bytes for name, layer in store.layers.items()}
            note['store'] = str(store.folder)
            note['bytes'] = {name: size * store.images * views for name, size in row_bytes.items()}
        write_whole(Path(runner.work_dir) / NOTE, json.dumps(note, indent=1))

    def _or_live(self, function, *arguments) -> None:
        """Call a function, and go on with the live teacher if it refuses and may not."""
        try:
            function(*arguments)
        except ReplayError as error:
            if self.refuse:
                raise ReplayError(f'TeacherReplayHook: {error}') from error
            self._why_live = str(error)
            print_log(
                f'TeacherReplayHook: the teacher is not replayed and runs live, on fixed views: {error}',
                logger='current',
                level=logging.WARNING,
            )
