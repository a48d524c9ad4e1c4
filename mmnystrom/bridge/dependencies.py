"""Break: mmrazor 1.0.0 declares neither its own needs nor the versions it works with.

Where: mmrazor's metadata names no torch, torchvision, mmcv, mmengine, mmpretrain, joblib or scipy
(the latter two are imported by ``mmrazor.models``), so a fresh ``pip install mmrazor`` dies on the
first of them with a bare ImportError; a torchvision built for another torch dies in mmpretrain with
"operator torchvision::nms does not exist".
Can go: once mmrazor declares its dependencies.
"""

from __future__ import annotations

import importlib.util
from importlib.metadata import PackageNotFoundError, version

#: Module -> what to install, with the packages of OpenMMLab and with those of OneDL.
NEEDED = {
    'torch': ('torch',) * 2,
    'torchvision': ('torchvision',) * 2,
    'mmengine': ('"mmengine>=0.10,<1"', '"onedl-mmengine>=0.10.12,<1"'),
    'mmcv': ('"mmcv-lite==2.1.0"',) * 2,
    'mmpretrain': ('"mmpretrain==1.2.0"', '"onedl-mmpretrain>=1.3.6,<2"'),
    'mmrazor': ('"mmrazor==1.0.0"',) * 2,
    'joblib': ('joblib',) * 2,
    'scipy': ('scipy',) * 2,
}
#: Distributions that put other files into the same folder.
SHARED = (
    ('mmengine', 'onedl-mmengine'),
    ('mmpretrain', 'onedl-mmpretrain'),
    ('mmcv', 'mmcv-lite', 'onedl-mmcv'),
)


def check() -> None:
    """Name every missing or unfit package at once.

    Raises:
        ImportError: If a package is missing, two packages have written into one folder, or torchvision
            does not fit the installed torch.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        openmmlab, onedl = (
            f'pip install {" ".join(NEEDED[name][line] for name in missing)}' for line in (0, 1)
        )
        commands = f'    {openmmlab}'
        if onedl != openmmlab:
            commands = f'{commands}\n  or, with the packages of OneDL, which maintains them:\n    {onedl}'
        raise ImportError(
            f'mmnystrom needs {", ".join(missing)}, which this environment does not have. '
            f'Install:\n{commands}\n(the whole tested sets: requirements/quickstart.txt and onedl.txt)'
        )
    _check_shared()
    import torch

    try:
        import torchvision  # noqa: F401
    except RuntimeError as error:
        raise ImportError(
            f'torchvision does not load beside torch {torch.__version__} ({error}). They must be a '
            'pair built for each other, such as torch 2.14.1 with torchvision 0.29.1, 2.11.0 with '
            '0.26.0, 1.13.1 with 0.14.1: install the pair in one pip command.'
        ) from error


def _check_shared() -> None:
    for names in SHARED:
        found = {}
        for name in names:
            try:
                found[name] = version(name)
            except PackageNotFoundError:
                continue
        if len(found) > 1:
            named = ' and '.join(f'{name} {number}' for name, number in found.items())
            raise ImportError(
                f'{named} have written into the same folder, each over files of the other: '
                f'pip uninstall -y {" ".join(found)}, and install the one that you want.'
            )
