"""The bridge's one door."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import sys
import warnings
from collections.abc import Callable
from types import ModuleType

from . import dependencies, on_import

_cured: list[str] | None = None


def install() -> list[str]:
    """Make stock mmrazor run on the installed torch, with mmpretrain in the place of mmcls.

    Every cure is applied only where its break is detected; nothing on disk is touched. Calling it
    again does nothing.

    Returns:
        Names of the breaks that were cured, in order.

    Raises:
        ImportError: If a package that mmrazor needs is missing, too old, or built for another torch.
    """
    global _cured
    if _cured is not None:
        return list(_cured)
    dependencies.check()
    on_import.disarm()
    too_late = _bound_before_the_bridge()
    cured = []
    with _without_a_needless_warning():
        for cure in _cures():
            if cure.is_broken():
                cure.apply()
                cured.append(cure.NAME)
    _cured = cured
    _report(cured)
    _warn_of_bound(too_late)
    on_import.finish()
    return list(cured)


def watch_imports(then: Callable[[], object]) -> None:
    """Install when a package of OpenMMLab's is first imported, or at once if one is.

    Args:
        then: What to do after it.
    """
    on_import.arm(install, then)


def _cures() -> tuple[ModuleType, ...]:
    """Every cure, in the order in which they are applied.

    The first four must stand before mmrazor's own modules are imported, which the detection of the
    later ones does.
    """
    from . import (
        checkpoint_errors,
        checkpoint_loading,
        collate_scope,
        compiled_recorders,
        config_checks,
        config_names,
        cpu_amp,
        cpu_ranks,
        crd_dataset,
        crd_device,
        crd_loss,
        deit_head,
        fsdp_resume,
        image_files,
        inplace,
        mmcls_alias,
        mmcv_version,
        package_metadata,
        quantization,
        recorders,
        unmatched_weights,
        visualization,
    )

    return (
        mmcv_version,
        package_metadata,
        mmcls_alias,
        quantization,
        checkpoint_loading,
        checkpoint_errors,
        unmatched_weights,
        image_files,
        inplace,
        recorders,
        compiled_recorders,
        config_names,
        config_checks,
        collate_scope,
        crd_dataset,
        crd_device,
        crd_loss,
        deit_head,
        visualization,
        cpu_ranks,
        cpu_amp,
        fsdp_resume,
    )


def _bound_before_the_bridge() -> list[str]:
    """Names in already imported modules of mmrazor that are bound to "mmcls is not installed"."""
    bound = []
    for module_name, module in list(sys.modules.items()):
        if module is None or module_name.partition('.')[0] != 'mmrazor':
            continue
        names = sorted(name for name, value in vars(module).items() if _stands_for_mmcls(value))
        if names:
            bound.append(f'{module_name} ({", ".join(names)})')
    return sorted(bound)


def _stands_for_mmcls(value: object) -> bool:
    if getattr(value, '__name__', None) != 'PlaceHolder' or not isinstance(value, type):
        return False
    closure = getattr(value.__init__, '__closure__', None) or ()
    return any(cell.cell_contents == 'mmcls' for cell in closure)


def _warn_of_bound(too_late: list[str]) -> None:
    from mmengine.logging import print_log

    if too_late and os.environ.get('RANK', '0') == '0':  # the process group does not exist yet
        print_log(
            'mmrazor was imported before the mmnystrom bridge, and these names of mmcls cannot be '
            f'bound any more: {"; ".join(too_late)}. What uses them will fail. Import mmnystrom '
            "first, or start the script with 'python -m mmnystrom.bridge SCRIPT ARGS...'.",
            logger='current',
            level=logging.WARNING,
        )


def _report(cured: list[str]) -> None:
    """Let every run say in its log, in one line, that the bridge is on."""
    from mmengine.runner import Runner

    build = Runner.__init__

    @functools.wraps(build)
    def build_and_say(self, *args, **kwargs):
        build(self, *args, **kwargs)
        self.logger.info(
            f'mmnystrom bridge: {len(cured)} cures are on, which mmnystrom.bridge.install() lists.'
        )

    if cured:
        Runner.__init__ = build_and_say


@contextlib.contextmanager
def _without_a_needless_warning():
    """mmcv-lite warns of a compiled operator at import, whether or not a config asks for it."""
    with warnings.catch_warnings():
        warnings.filterwarnings('ignore', message='Fail to import ``MultiScaleDeformableAttention``')
        yield
