"""The method on bare torch: kernels, landmarks, the loss, and how much of the kernel arrived."""

from .checks import check_choice, check_integer, check_number
from .distances import DISTANCES, build_distance
from .features import FeatureShapeError, FeatureTypeError, feature_rows, finite_samples, widen
from .forms import FORMS, build_form
from .kernels import KERNELS, build_kernel
from .landmarks import LANDMARKS, LabelError, Landmarks, build_landmarks
from .loss import PRESETS, KernelTransferLoss
from .measure import kernel_transfer, measure
from .nystrom import KernelMatrixError, inverse_root

__all__ = [
    'DISTANCES',
    'FORMS',
    'KERNELS',
    'LANDMARKS',
    'PRESETS',
    'FeatureShapeError',
    'FeatureTypeError',
    'KernelMatrixError',
    'KernelTransferLoss',
    'LabelError',
    'Landmarks',
    'build_distance',
    'build_form',
    'build_kernel',
    'build_landmarks',
    'check_choice',
    'check_integer',
    'check_number',
    'feature_rows',
    'finite_samples',
    'inverse_root',
    'kernel_transfer',
    'measure',
    'widen',
]
