"""The method on bare torch: kernels, landmarks, the loss, and how much of the kernel arrived."""

from .features import feature_rows
from .kernels import KERNELS, build_kernel
from .landmarks import LANDMARKS, ClassCenter, build_landmarks
from .loss import partial_transfer_loss
from .transfer import kernel_transfer

__all__ = [
    'KERNELS',
    'LANDMARKS',
    'ClassCenter',
    'build_kernel',
    'build_landmarks',
    'feature_rows',
    'kernel_transfer',
    'partial_transfer_loss',
]
