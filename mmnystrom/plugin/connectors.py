"""Connectors: they turn what a recorder gives into one row an image."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmnystrom.core import check_choice, check_integer, check_number
from mmnystrom.registry import MODELS

from .needs import recorded_rows

NORMS = {'BN1d': nn.BatchNorm1d, 'SyncBN': nn.SyncBatchNorm, 'LN': nn.LayerNorm}


@MODELS.register_module()
class PoolConnector(BaseModule):
    """Pool the features of a layer to one row an image.

    Args:
        map_pool: How a map (N, C, H, W) is pooled: ``'avg'``, ``'max'``, a number n, or not at all,
            ``'flatten'`` (to rows of C H W numbers). With n the map is averaged over a grid of n x n
            cells, so that rows have C n n numbers, whatever H and W; a map of fewer pixels a side than n
            keeps its own along that side. Defaults to ``'avg'``.
        token_pool: How tokens (N, L, C) are pooled: ``'cls'``, the first of them, ``'mean'``, or not at
            all, ``'flatten'``. Defaults to ``'cls'``.
        init_cfg: Initialization, as for every module of mmengine. Defaults to None.

    Raises:
        ValueError: If a way of pooling is unknown, or a number is below 1.

    Example:
        >>> import torch
        >>> PoolConnector()((torch.zeros(2, 16, 8, 8), torch.zeros(2, 32, 4, 4))).shape
        torch.Size([2, 32])
        >>> PoolConnector(map_pool=2)(torch.zeros(2, 16, 8, 8)).shape
        torch.Size([2, 64])
    """

    def __init__(
        self, map_pool: str | int = 'avg', token_pool: str = 'cls', init_cfg: dict | None = None
    ) -> None:
        super().__init__(init_cfg)
        if isinstance(map_pool, str):
            check_choice('map_pool', map_pool, ('avg', 'max', 'flatten'))
        else:
            check_integer('map_pool', map_pool, remedy="or 'avg', 'max' or 'flatten'")
        check_choice('token_pool', token_pool, ('cls', 'mean', 'flatten'))
        self.map_pool = map_pool
        self.token_pool = token_pool

    def forward(self, feature: Tensor | tuple | list) -> Tensor:
        """Pool.

        Args:
            feature: Shape (N, C, H, W), (N, L, C) or (N, C), or a tuple or list, whose last is taken.

        Returns:
            Shape (N, C); (N, C n n) of maps over a grid; (N, C H W) or (N, L C) where nothing is pooled.

        Raises:
            TypeError: If it is no tensor.
            ValueError: If the shape is none of these, or the tuple is empty.
        """
        while isinstance(feature, (tuple, list)):
            if not feature:
                raise ValueError('PoolConnector got an empty tuple: record a layer that gives features.')
            feature = feature[-1]
        if not isinstance(feature, Tensor):
            raise TypeError(
                f'PoolConnector got {type(feature).__name__}, and pools a tensor or a tuple of tensors. '
                'Record a layer whose output is one, such as the layer inside that makes the tensor.'
            )
        if {4: self.map_pool, 3: self.token_pool}.get(feature.ndim) == 'flatten':
            return feature.flatten(1)
        if feature.ndim == 4 and isinstance(self.map_pool, int):
            cells = [min(self.map_pool, side) for side in feature.shape[2:]]
            return F.adaptive_avg_pool2d(feature, cells).flatten(1)
        if feature.ndim == 4:
            return feature.mean((2, 3)) if self.map_pool == 'avg' else feature.amax((2, 3))
        if feature.ndim == 3:
            return feature[:, 0] if self.token_pool == 'cls' else feature.mean(1)
        if feature.ndim == 2:
            return feature
        raise ValueError(
            f'PoolConnector pools (N, C, H, W), (N, L, C) or (N, C), got {tuple(feature.shape)}.'
        )


@MODELS.register_module()
class ProjectionConnector(BaseModule):
    """Project features linearly to another width, with a normalisation layer behind if wanted.

    KDA needs no projection: its partial matrices are (N, m) for any width. This is for losses that
    compare features one to one.

    Args:
        in_channel: Width of the input.
        out_channel: Width of the output.
        norm_cfg: ``dict(type='BN1d' | 'SyncBN' | 'LN', ...)``, the rest being arguments of the layer.
            Defaults to None, no normalisation.
        init_cfg: Initialization, as for every module of mmengine. Defaults to None.

    Raises:
        ValueError: If a width is not a positive integer or the norm is unknown.

    Example:
        >>> import torch
        >>> ProjectionConnector(16, 32, norm_cfg=dict(type='BN1d'))(torch.zeros(4, 16)).shape
        torch.Size([4, 32])
    """

    def __init__(
        self,
        in_channel: int,
        out_channel: int,
        norm_cfg: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        for argument, value in (('in_channel', in_channel), ('out_channel', out_channel)):
            check_integer(argument, value)
        self.linear = nn.Linear(in_channel, out_channel)
        self.norm = None
        if norm_cfg is not None:
            if not isinstance(norm_cfg, dict):
                raise ValueError(
                    f'norm_cfg={norm_cfg!r} must be a dict with a type of {list(NORMS)}, such as '
                    "norm_cfg=dict(type='BN1d')."
                )
            norm_cfg = dict(norm_cfg)
            name = norm_cfg.pop('type', None)
            check_choice('norm_cfg: type', name, tuple(NORMS))
            self.norm = NORMS[name](out_channel, **norm_cfg)

    def forward(self, feature: Tensor) -> Tensor:
        """Project.

        Args:
            feature: Shape (N, in_channel) or (N, in_channel, 1, 1).

        Returns:
            Shape (N, out_channel).

        Raises:
            ValueError: If the shape is another.
        """
        rows = recorded_rows(feature, 'the input of ProjectionConnector')
        if rows.shape[1] != self.linear.in_features:
            raise ValueError(
                f'ProjectionConnector has in_channel={self.linear.in_features} and got features of '
                f'width {rows.shape[1]}: set in_channel={rows.shape[1]}.'
            )
        rows = self.linear(rows)
        return rows if self.norm is None else self.norm(rows)


@MODELS.register_module()
class NormalizeConnector(BaseModule):
    """Scale features to unit Euclidean length, so that the linear kernel becomes the cosine.

    Args:
        eps: Length below which a row is divided by ``eps`` instead. Defaults to 1e-12.
        init_cfg: Initialization, as for every module of mmengine. Defaults to None.

    Raises:
        ValueError: If ``eps`` is not positive.

    Example:
        >>> import torch
        >>> NormalizeConnector()(torch.tensor([[3., 4.], [0., 0.]]))
        tensor([[0.6000, 0.8000], [0.0000, 0.0000]])
    """

    def __init__(self, eps: float = 1e-12, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        check_number('eps', eps)
        self.eps = eps

    def forward(self, feature: Tensor) -> Tensor:
        """Normalize along the channels.

        Args:
            feature: Shape (N, C) or (N, C, H, W).

        Returns:
            The same shape; float32 for half-precision input, whose squares overflow.

        Raises:
            TypeError: If it is no floating-point tensor.
        """
        feature = _full_precision(
            feature,
            'NormalizeConnector takes a floating-point tensor, got {found}: put a PoolConnector before '
            'it for the last of a tuple.',
        )
        # The squares of large features overflow, so their largest entry is scaled to 1 first. Smaller
        # features are not scaled: eps is compared with their own length.
        largest = feature.detach().abs().amax(1, keepdim=True)
        return F.normalize(feature / largest.clamp_min(1), dim=1, eps=self.eps)


@MODELS.register_module()
class StandardizeConnector(BaseModule):
    """Give the logits of every image mean 0 and standard deviation 1, before KLDivergence.

    Student and teacher are then compared by the shape of their predictions, and not by how far apart
    their logits lie: Sun et al., "Logit Standardization in Knowledge Distillation", CVPR 2024, eq. 11.
    The standard deviation is that of a sample (n - 1), as in the authors' code.

    Args:
        eps: Added to the standard deviation. Defaults to 1e-7, the authors'.
        init_cfg: Initialization, as for every module of mmengine. Defaults to None.

    Raises:
        ValueError: If ``eps`` is not positive.

    Example:
        >>> import torch
        >>> StandardizeConnector()(torch.tensor([[1., 2., 3.], [10., 30., 50.]]))
        tensor([[-1.0000,  0.0000,  1.0000],
                [-1.0000,  0.0000,  1.0000]])
    """

    def __init__(self, eps: float = 1e-7, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        check_number('eps', eps)
        self.eps = eps

    def forward(self, logits: Tensor) -> Tensor:
        """Standardize along the classes.

        Args:
            logits: Shape (N, C), of at least two classes.

        Returns:
            The same shape; float32 for half-precision input.

        Raises:
            TypeError: If it is no floating-point tensor.
            ValueError: If the shape is another.
        """
        logits = _checked_logits(logits, 'StandardizeConnector')
        centered = logits - logits.mean(1, keepdim=True)
        # torch.std would have no gradient where all logits are equal, as those of a new head may be.
        std = torch.linalg.vector_norm(centered, dim=1, keepdim=True) / (logits.shape[1] - 1) ** 0.5
        return centered / (std + self.eps)


@MODELS.register_module()
class SoftmaxConnector(BaseModule):
    """Turn logits into probabilities of the classes, softened, before KDALoss.

    Large logits then count, and differences among the small ones do not. The linear kernel of two images
    is the probability that their classes agree, each drawn by its own prediction. DIST (Huang et al.,
    NeurIPS 2022) is KDA of these probabilities: ``form=dict(type='nystrom', center='landmarks')``,
    ``distance='correlation'``, a one-hot landmark for each class, and ``tau ** 2`` times the weight.

    Args:
        tau: Temperature, by which logits are divided. Defaults to 4.
        init_cfg: Initialization, as for every module of mmengine. Defaults to None.

    Raises:
        ValueError: If ``tau`` is not positive.

    Example:
        >>> import torch
        >>> SoftmaxConnector()(torch.tensor([[0., 0.], [40., 0.]]))
        tensor([[5.0000e-01, 5.0000e-01],
                [9.9995e-01, 4.5398e-05]])
    """

    def __init__(self, tau: float = 4, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        check_number('tau', tau)
        self.tau = tau

    def forward(self, logits: Tensor) -> Tensor:
        """Probabilities along the classes.

        Args:
            logits: Shape (N, C), of at least two classes.

        Returns:
            The same shape; float32 for half-precision input.

        Raises:
            TypeError: If it is no floating-point tensor.
            ValueError: If the shape is another.
        """
        return F.softmax(_checked_logits(logits, 'SoftmaxConnector') / self.tau, dim=1)


def _checked_logits(logits: object, connector: str) -> Tensor:
    """Logits of at least two classes, float32 if they were of half precision."""
    logits = _full_precision(
        logits, f'{connector} takes a floating-point tensor of logits, got {{found}}.'
    )
    if logits.ndim != 2 or logits.shape[1] < 2:
        raise ValueError(
            f'{connector} takes logits of shape (N, classes), got {tuple(logits.shape)}: '
            'record the outputs of the last linear layer.'
        )
    return logits


def _full_precision(given: object, otherwise: str) -> Tensor:
    """A floating-point tensor, float32 if it was of half precision.

    Args:
        given: What the connector got.
        otherwise: What the TypeError says if that is anything else, with ``{found}`` for what it is.
    """
    if not isinstance(given, Tensor) or not given.is_floating_point():
        found = given.dtype if isinstance(given, Tensor) else type(given).__name__
        raise TypeError(otherwise.format(found=found))
    return given if given.dtype in (torch.float32, torch.float64) else given.float()
