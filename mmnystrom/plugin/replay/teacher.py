"""A teacher that runs only on what its store does not hold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ..compiling import never_compiled
from ..once import Once
from .errors import ReplayError
from .record import describe, put_together, take_apart
from .store import Layer, ReplayStore, layer_name
from .views import places


class ReplayedTeacher:
    """Stands in for the forward of a teacher, between :meth:`begin` and :meth:`end`.

    In a training forward the recorders get what the store holds of the batch's views. The teacher runs
    on those images that are missing, and what its recorders catch is stored. Every other forward is the
    teacher's own. What a loss is given has been through the store's dtype either way.

    Args:
        teacher: The teacher.
        recorders: The manager of the teacher's recorders. Those of parameters are left alone.
        store: Where the rows are. Defaults to None: the teacher always runs.

    Attributes:
        images (int): Images of training forwards so far.
        ran (int): Of these, images on which the teacher ran.
    """

    def __init__(self, teacher: nn.Module, recorders, store: ReplayStore | None = None) -> None:
        self.teacher = teacher
        self._manager = recorders
        self.store = store
        #: Layer -> the recorders of it.
        self.recorders: dict[str, list] = {}
        for recorder in recorders.recorders.values():
            layer = recorded_layer(recorder)
            if layer is not None:
                self.recorders.setdefault(layer, []).append(recorder)
        self.images = self.ran = 0
        self._live = teacher.forward
        #: Whether the store still takes rows.
        self.stores = True
        self._warn = Once().warn

    def begin(self) -> None:
        """Take the place of the teacher's forward."""
        self.teacher.forward = self

    def end(self) -> None:
        """Give the teacher its forward back."""
        self.teacher.__dict__.pop('forward', None)

    @never_compiled
    def __call__(
        self, inputs: Tensor, data_samples: Sequence | None = None, mode: str = 'tensor', **kwargs
    ):
        """As the teacher's forward; in training an empty dict, as no one looks at a teacher's losses."""
        rows = places(data_samples) if mode == 'loss' else None
        if rows is None or not self._recording():
            return self._live(inputs, data_samples, mode=mode, **kwargs)
        self.images += len(rows)
        if self.store is None:
            self.ran += len(rows)
            return self._live(inputs, data_samples, mode=mode, **kwargs)
        stored = {name: self.store.read(name, rows) for name in self.store.layers}
        there = np.logical_and.reduce(
            [np.ones(len(rows), bool), *(valid for _, valid in stored.values())]
        )
        missing = np.flatnonzero(~there)
        self.ran += len(missing)
        fresh: dict[str, list[Tensor]] = {}
        if len(missing):
            if len(missing) < len(rows):
                inputs = inputs[torch.from_numpy(missing).to(inputs.device)]
                data_samples = [data_samples[i] for i in missing]
            self._live(inputs, data_samples, mode=mode, **kwargs)
            fresh = self._keep(rows, missing, stored)
        self._fill(inputs.device, stored, missing, fresh)
        return {}

    def probe(self, inputs: Tensor, data_samples: Sequence, dtype: str) -> None:
        """Find out what the recorders catch, and compare it with what the store holds of these images.

        Args:
            inputs: A batch, as the data preprocessor gives it.
            data_samples: Its data samples.
            dtype: Of the store.

        Raises:
            ReplayError: If something recorded cannot be replayed, or the store holds something else.
        """
        with self._manager, torch.no_grad():
            self._live(inputs, data_samples, mode='loss')
        rows = places(data_samples)
        for name, (first, *_) in self.recorders.items():
            leaves: list[Tensor] = []
            try:
                structure = take_apart(list(first.data_buffer), leaves)
                if not first.data_buffer:
                    raise ReplayError('caught nothing in a forward of the teacher')
                layer = Layer(structure, tuple(describe(leaves, len(inputs), dtype)))
            except ReplayError as error:
                raise ReplayError(f'the teacher recorder of {name} {error}.') from None
            self.store.add_layer(name, layer)
            self._compare(name, rows, leaves)

    def _compare(self, name: str, rows: np.ndarray, leaves: list[Tensor]) -> None:
        values, valid = self.store.read(name, rows)
        there = torch.from_numpy(np.flatnonzero(valid))
        for stored, live in zip(
            self.store.tensors(name, values, torch.device('cpu')), leaves, strict=True
        ):
            stored, live = stored[there].double(), live.detach().cpu()[there].double()
            error, length = (stored - live).norm().item(), live.norm().item()
            # Far above rounding, also of half precision, and far below what other weights give.
            if error > 0.05 * length + 1e-6:
                raise ReplayError(
                    f'{self.store.folder} holds other outputs of {name} than the teacher gives '
                    f'now (||stored - live|| / ||live|| = {error / max(length, 1e-12):.2g}): it was '
                    'written by other code. Delete it.'
                )

    def _keep(self, rows: np.ndarray, missing: np.ndarray, stored: dict) -> dict[str, list[Tensor]]:
        """Store what the recorders have just caught; returns it as the store gives it."""
        fresh = {}
        for name, (first, *_) in self.recorders.items():
            leaves: list[Tensor] = []
            # By the recorder's own door, which warns of an output that was overwritten in place.
            take_apart([first.get_record_data(i) for i in range(len(first.data_buffer))], leaves)
            packed, fits = [], np.ones(len(missing), bool)
            for what, leaf in zip(self.store.layers[name].leaves, leaves, strict=True):
                values, fit = what.pack(leaf)
                packed.append(values)
                fits &= fit
            fresh[name] = self.store.tensors(name, packed, leaves[0].device) if fits.all() else leaves
            if not fits.all():
                self._warn(
                    f'TeacherReplayHook: outputs of {name} are too large for float16 and are not stored: '
                    "take dtype='bfloat16' or 'float32'.",
                    kind='unfit',
                )
            new = fits & ~stored[name][1][missing]
            if self.stores and new.any():
                self._write(name, rows[missing[new]], [values[new] for values in packed])
        return fresh

    def _write(self, name: str, rows: np.ndarray, values: list[np.ndarray]) -> None:
        try:
            self.store.write(name, rows, values)
        except OSError as error:
            self.stores = False
            self._warn(
                f'TeacherReplayHook: {self.store.root} takes no more ({error.strerror or error}). '
                'Training goes on: what is stored is replayed, and the teacher runs on the rest.'
            )

    def _fill(self, device, stored: dict, missing: np.ndarray, fresh: dict) -> None:
        """Give every recorder its records of the whole batch."""
        place = torch.from_numpy(missing).to(device) if fresh else None
        for name, (values, valid) in stored.items():
            if len(missing) == len(valid):
                leaves = fresh[name]
            else:
                leaves = self.store.tensors(name, values, device)
                for leaf, new in zip(leaves, fresh.get(name, ()), strict=bool(fresh)):
                    leaf[place] = new.to(leaf.dtype)
            for recorder in self.recorders[name]:
                recorder.data_buffer[:] = put_together(self.store.layers[name].structure, leaves)
                if hasattr(recorder, 'versions'):  # the bridge's, of outputs that were overwritten
                    recorder.versions = ()

    def _recording(self) -> bool:
        return all(recorder.recording for group in self.recorders.values() for recorder in group)


def recorded_layer(recorder) -> str | None:
    """Name of the layer that a recorder records; None for one of parameters.

    Raises:
        ReplayError: If it records what functions or methods take or give.
    """
    kinds = {kind.__name__ for kind in type(recorder).__mro__}
    if 'ParameterRecorder' in kinds:
        return None
    # The recorder of inputs is a subclass of that of outputs.
    if 'ModuleInputsRecorder' in kinds:
        return layer_name(recorder.source, 'inputs')
    if 'ModuleOutputsRecorder' in kinds:
        return layer_name(recorder.source, 'outputs')
    raise ReplayError(
        f'the teacher recorder of {recorder.source!r} is a {type(recorder).__name__}, and only what '
        'modules take and give can be replayed: record the module, '
        "dict(type='ModuleOutputs', source=...)."
    )
