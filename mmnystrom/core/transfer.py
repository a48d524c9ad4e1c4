"""How much of the teacher's kernel matrix arrived in the student."""

from __future__ import annotations

from torch import Tensor


def kernel_transfer(s_feature: Tensor, t_feature: Tensor) -> float:
    """Relative distance ``||K_S - K_T||_F / ||K_T||_F`` of the linear-kernel Gram matrices.

    Qian, Li and Hu (arXiv 2009.14416), Fig. 3. No (N, N) matrix is made:
    ``||K_S - K_T||_F^2 = ||X_S^T X_S||_F^2 + ||X_T^T X_T||_F^2 - 2 ||X_S^T X_T||_F^2``, in float64
    because the three terms nearly cancel when the kernel has arrived.

    Args:
        s_feature: The student's features over a data set, shape (N, d_S).
        t_feature: The teacher's features of the same images in the same order, shape (N, d_T).

    Returns:
        0 where the matrices are equal; 1 is what a student of all zeros has.

    Raises:
        ValueError: If the numbers of rows differ, or the teacher's kernel matrix is zero.

    Example:
        >>> import torch
        >>> kernel_transfer(torch.zeros(3, 2), torch.eye(3))
        1.0
    """
    if s_feature.shape[0] != t_feature.shape[0]:
        raise ValueError(
            f's_feature has {s_feature.shape[0]} rows and t_feature {t_feature.shape[0]}: give the '
            'features of the same images.'
        )
    s, t = s_feature.double(), t_feature.double()
    teacher = (t.T @ t).square().sum()
    if not teacher > 0:
        raise ValueError('t_feature has a kernel matrix of zeros or NaN, nothing to compare with.')
    squared = (s.T @ s).square().sum() + teacher - 2 * (s.T @ t).square().sum()
    return (squared.clamp_min(0) / teacher).sqrt().item()
