"""What a recorder holds after a forward, taken apart into tensors and put together again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .errors import ReplayError

STORED = dict(float16=torch.float16, bfloat16=torch.bfloat16, float32=torch.float32)


@dataclass(frozen=True)
class Leaf:
    """A tensor of a record, one row an image.

    Args:
        shape: Shape of a row.
        given: Name of the dtype that the teacher gave, and that a loss gets.
        stored: Name of the dtype in the store.
    """

    shape: tuple[int, ...]
    given: str
    stored: str

    @property
    def numpy(self) -> str:
        """numpy's dtype of the file. numpy has no bfloat16: its bits are stored."""
        if self.stored == 'bfloat16':
            return '<u2'
        return torch.empty(0, dtype=getattr(torch, self.stored)).numpy().dtype.newbyteorder('<').str

    @property
    def row_bytes(self) -> int:
        """Bytes of a row."""
        return int(np.prod(self.shape, dtype=np.int64)) * np.dtype(self.numpy).itemsize

    @property
    def label(self) -> str:
        """Its shape and dtype as the size of a store is said."""
        sizes = [str(size) for size in self.shape if size != 1] or ['1']
        return f'{" x ".join(sizes)} x {self.stored}'

    def pack(self, rows: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Rows as they are stored, and which of them the dtype can hold."""
        stored = rows.detach().to(getattr(torch, self.stored))
        fits = np.ones(len(rows), bool)
        if stored.is_floating_point() and stored.dtype != rows.dtype:
            lost = stored.isinf() & rows.isfinite()
            fits = ~lost.reshape(len(rows), -1).any(1).cpu().numpy()
        return bits(stored).view(self.numpy), fits

    def unpack(self, rows: np.ndarray, device: torch.device) -> Tensor:
        """Stored rows as the teacher gave them."""
        if self.stored == 'bfloat16':
            found = torch.from_numpy(rows.view(np.int16)).view(torch.bfloat16)
        else:
            found = torch.from_numpy(rows.view(self.numpy.replace('<', '=')))
        return found.to(device=device, dtype=getattr(torch, self.given), non_blocking=True)


def take_apart(record: object, leaves: list[Tensor]) -> object:
    """The structure of a record as JSON can hold it: a number for a tensor, which joins ``leaves``.

    Raises:
        ReplayError: If there is something in it that is no tensor, tuple, list or None.
    """
    if isinstance(record, Tensor):
        leaves.append(record)
        return len(leaves) - 1
    if isinstance(record, (tuple, list)):
        kind = 'tuple' if isinstance(record, tuple) else 'list'
        return [kind, *(take_apart(part, leaves) for part in record)]
    if record is None:
        return None
    raise ReplayError(
        f'holds a {type(record).__name__}, and only tensors and tuples of tensors can be replayed'
    )


def put_together(structure: object, leaves: list[Tensor]) -> object:
    """The record of a structure."""
    if structure is None:
        return None
    if isinstance(structure, int):
        return leaves[structure]
    kind, *parts = structure
    found = [put_together(part, leaves) for part in parts]
    return tuple(found) if kind == 'tuple' else found


def describe(leaves: list[Tensor], images: int, dtype: str) -> list[Leaf]:
    """What the tensors of a record of so many images are.

    Raises:
        ReplayError: If a tensor has not one row an image.
    """
    found = []
    for leaf in leaves:
        if leaf.dim() == 0 or len(leaf) != images:
            raise ReplayError(
                f'has the shape {tuple(leaf.shape)} for {images} images, and only what has one row an '
                'image can be replayed'
            )
        given = str(leaf.dtype).removeprefix('torch.')
        # A store never widens what the teacher gave, and whole numbers stay what they are.
        stored = given
        if leaf.is_floating_point() and leaf.element_size() * 8 > torch.finfo(STORED[dtype]).bits:
            stored = dtype
        found.append(Leaf(tuple(leaf.shape[1:]), given, stored))
    return found


def bits(tensor: Tensor) -> np.ndarray:
    """A tensor as numpy's array; of a dtype that numpy lacks, its bits."""
    tensor = tensor.detach().cpu().contiguous()
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.view(torch.int16)
    return tensor.numpy()
