"""The student of a distillation, by itself: a checkpoint and a config that stock mmpretrain loads.

Also as ONNX, TorchScript and torch.export. Each form is compared with the original on real images
before it counts as done.
"""

from .errors import ExportError
from .forms import FORMS
from .student import export_student

__all__ = ['FORMS', 'ExportError', 'export_student']
