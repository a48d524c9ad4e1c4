"""What the method accepts as the features of a batch."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


class FeatureTypeError(TypeError):
    """The features of a batch are not a tensor."""


class FeatureShapeError(ValueError):
    """The features of a batch are not one row an image."""


def feature_rows(feature: object, argument: str) -> Tensor:
    """Return the features of a batch as one row an image.

    Args:
        feature: Shape (N, d), or (N, d, 1, 1) as a global pooling layer gives it.
        argument: What the caller calls it, for the error.

    Returns:
        Shape (N, d), sharing memory with ``feature``.

    Raises:
        FeatureTypeError: If it is no tensor.
        TypeError: If it is not floating point.
        FeatureShapeError: If it has any other shape.
        ValueError: If it holds no image.

    Example:
        >>> feature_rows(torch.zeros(4, 8, 1, 1), 's_feature').shape
        torch.Size([4, 8])
    """
    if not isinstance(feature, Tensor):
        raise FeatureTypeError(
            f'{argument} must be a tensor of shape (N, d), got {type(feature).__name__}.'
        )
    if not feature.is_floating_point():
        raise TypeError(f'{argument} must be floating point, got {feature.dtype}.')
    if feature.ndim > 1 and not len(feature):
        raise ValueError(
            f'{argument} has shape {tuple(feature.shape)}: the batch holds no images. Look at the data '
            'loader, its sampler and its batch sampler.'
        )
    if feature.ndim == 2:
        return feature
    if feature.ndim > 2 and feature.shape[2:].numel() == 1:
        return feature.flatten(1)
    raise FeatureShapeError(
        f'{argument} must have shape (N, d), got {tuple(feature.shape)}: pool it first.'
    )


def finite_samples(s_feature: Tensor, t_feature: Tensor) -> Tensor:
    """Tell which samples of a batch can enter sums of products.

    The squared norms of both features must add up to a finite number in float32 (in float64 for float64
    features). So NaN, infinity, and numbers whose square overflows are out, and every product of two
    features that are in is finite.

    Args:
        s_feature: The student's features, shape (N, d_S).
        t_feature: The teacher's features, shape (N, d_T).

    Returns:
        Shape (N,), bool. It is on the features' device, and nothing waits for that device.

    Example:
        >>> finite_samples(torch.tensor([[1.], [1.], [1e30]]), torch.tensor([[1.], [torch.nan], [1.]]))
        tensor([ True, False, False])
    """
    dtype = computing_dtype(s_feature, t_feature)
    with without_autocast(s_feature.device):
        s_norm, t_norm = (
            torch.linalg.vector_norm(x.detach(), dim=1, dtype=dtype) for x in (s_feature, t_feature)
        )
    # NaN is not less. One comparison: on a GPU every operation is a launch.
    return torch.maximum(s_norm, t_norm) < math.sqrt(torch.finfo(dtype).max / 2)


def without_autocast(device: torch.device) -> AbstractContextManager:
    """A context that turns autocast off. It costs nothing where autocast is off already."""
    try:
        on = torch.is_autocast_enabled(device.type)
    except TypeError:  # torch < 2.4 asks without a device
        on = torch.is_autocast_enabled() or torch.is_autocast_cpu_enabled()
    return torch.autocast(device.type, enabled=False) if on else nullcontext()


def computing_dtype(*tensors: Tensor) -> torch.dtype:
    """Float32, or float64 if an input is float64. Half precision overflows in sums of products.

    Example:
        >>> computing_dtype(torch.zeros(1, dtype=torch.float16))
        torch.float32
    """
    return torch.float64 if any(t.dtype == torch.float64 for t in tensors) else torch.float32


def widest_dtype(device: torch.device) -> torch.dtype:
    """Float64, or float32 on a device that has none."""
    return torch.float32 if device.type == 'mps' else torch.float64


def widen(x: Tensor) -> Tensor:
    """``x`` in the widest floating point of its device.

    Example:
        >>> widen(torch.zeros(1, dtype=torch.float16)).dtype
        torch.float64
    """
    return x.to(widest_dtype(x.device))


def cast(x: Tensor, dtype: torch.dtype) -> Tensor:
    """``x.to(dtype)``, at no cost if ``x`` has that dtype."""
    return x if x.dtype == dtype else x.to(dtype)
