"""Break: mmrazor 1.0.0 declares neither its own needs nor the versions it works with.

Where: mmrazor's metadata names no torch, torchvision, mmcv, mmengine, mmpretrain, joblib or scipy
(the latter two are imported by ``mmrazor.models``), so a fresh ``pip install mmrazor`` dies on the
first of them with a bare ImportError; a torchvision built for another torch dies in mmpretrain with
"operator torchvision::nms does not exist".
Can go: once mmrazor declares its dependencies.
"""

from __future__ import annotations

import importlib.util

NEEDED = {
    'torch': 'torch',
    'torchvision': 'torchvision',
    'mmengine': '"mmengine>=0.10,<1"',
    'mmcv': '"mmcv-lite==2.1.0"  # or mmcv, if you have it built',
    'mmpretrain': '"mmpretrain==1.2.0"',
    'mmrazor': '"mmrazor==1.0.0"',
    'joblib': 'joblib',
    'scipy': 'scipy',
}


def check() -> None:
    """Name every missing or unfit package at once.

    Raises:
        ImportError: If a package is missing, or torchvision does not fit the installed torch.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        commands = '\n'.join(f'    pip install {NEEDED[name]}' for name in missing)
        raise ImportError(
            f'mmnystrom needs {", ".join(missing)}, which this environment does not have. '
            f'Install:\n{commands}\n(the whole tested set: requirements/quickstart.txt)'
        )
    import torch

    try:
        import torchvision  # noqa: F401
    except RuntimeError as error:
        raise ImportError(
            f'torchvision does not load beside torch {torch.__version__} ({error}). They must be a '
            'pair built for each other, such as torch 2.14.1 with torchvision 0.29.1, 2.11.0 with '
            '0.26.0, 1.13.1 with 0.14.1: install the pair in one pip command.'
        ) from error
