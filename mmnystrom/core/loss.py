"""The kernel-transfer loss as a function."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .features import computing_dtype
from .kernels import Kernel, linear


def partial_transfer_loss(
    s_feature: Tensor,
    t_feature: Tensor,
    s_landmarks: Tensor,
    t_landmarks: Tensor,
    kernel: Kernel = linear,
) -> Tensor:
    """Distance between the rows of the partial kernel matrices of a batch.

    ``smooth_l1(C_S, C_T, beta=1)``, summed, over ``||C_T||_F``, with ``C = kernel(X, L)``: Qian, Li
    and Hu (arXiv 2009.14416), Corollary 2, in the form of the authors' code. Computed in float32 (in
    float64 for float64 input), whatever autocast says. The teacher's features and both networks'
    landmarks get no gradient.

    Args:
        s_feature: The student's features, shape (N, d_S).
        t_feature: The teacher's features, shape (N, d_T).
        s_landmarks: The student's landmarks, shape (m, d_S). A landmark that does not exist yet is a
            row of zeros in both networks and adds nothing.
        t_landmarks: The teacher's landmarks, shape (m, d_T).
        kernel: Maps (N, d) and (m, d) to (N, m).

    Returns:
        Scalar; 0 where ``C_T`` is all zeros, which leaves nothing to learn.

    Example:
        >>> x = torch.eye(2)
        >>> partial_transfer_loss(2 * x, x, x, x)  # (0.5 + 0.5) / sqrt(2)
        tensor(0.7071)
    """
    to = dict(device=s_feature.device, dtype=computing_dtype(s_feature, t_feature))
    with torch.autocast(s_feature.device.type, enabled=False):
        s_partial = kernel(s_feature.to(**to), s_landmarks.detach().to(**to))
        with torch.no_grad():
            t_partial = kernel(t_feature.to(**to), t_landmarks.to(**to))
            norm = t_partial.norm()
            scale = torch.where(norm > 0, 1 / norm, torch.zeros_like(norm))
        return F.smooth_l1_loss(s_partial, t_partial, reduction='sum', beta=1.0) * scale
