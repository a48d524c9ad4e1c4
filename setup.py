"""Package metadata, and the step that ships configs and tools under ``mmnystrom/.mim``."""

import os
import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
#: What OpenMMLab packages carry under ``.mim``: found there by ``pkg::path`` configs and by mim.
MIM_FILES = ('configs', 'tools', 'model-index.yml')
#: The two lines of the packages that mmrazor is written for. They have the same modules, so that none of
#: them can be a dependency: it would write over the other.
HOSTS = {
    'openmmlab': ['mmengine>=0.10.0,<1.0.0', 'mmpretrain>=1.2.0,<2.0.0'],
    'onedl': ['onedl-mmengine>=0.10.12,<1.0.0', 'onedl-mmpretrain>=1.3.6,<2.0.0'],
}


def requirements(name):
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text(encoding='utf-8').splitlines()
    return [line for line in (raw.partition('#')[0].strip() for raw in lines) if line]


def version():
    text = (ROOT / 'mmnystrom' / 'version.py').read_text(encoding='utf-8')
    return re.search(r"__version__ = '(.+)'", text).group(1)


class BuildWithMim(build_py):
    """Copy MIM_FILES into the wheel; link them for an editable install."""

    def run(self):
        super().run()
        if getattr(self, 'editable_mode', False):
            target = ROOT / 'mmnystrom' / '.mim'
            target.mkdir(exist_ok=True)
            for name in MIM_FILES:
                link = target / name
                if link.is_symlink():
                    link.unlink()
                link.symlink_to(os.path.relpath(ROOT / name, target))
            return
        target = Path(self.build_lib) / 'mmnystrom' / '.mim'
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for name in MIM_FILES:
            source = ROOT / name
            if source.is_dir():
                ignore = shutil.ignore_patterns('__pycache__', '*.pyc')
                shutil.copytree(source, target / name, ignore=ignore)
            else:
                shutil.copy(source, target / name)


setup(
    name='mmnystrom',
    version=version(),
    description='Nystrom kernel transfer (KDA) for knowledge distillation with mmrazor',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    license_files=['LICENSE'],
    keywords='knowledge distillation, kernel methods, Nystrom, OpenMMLab, mmrazor',
    packages=find_packages(include=['mmnystrom', 'mmnystrom.*']),
    python_requires='>=3.10',
    install_requires=requirements('runtime'),
    extras_require={name: requirements(name) for name in ('benchmark', 'export')} | HOSTS,
    cmdclass={'build_py': BuildWithMim},
    zip_safe=False,
)
