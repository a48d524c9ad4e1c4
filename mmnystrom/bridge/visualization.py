"""Break: mmrazor's RazorVisualizationHook fails on the visualizer of mmpretrain.

Where: ``mmrazor/engine/hooks/visualization_hook.py`` ends in ``visualizer.add_datasample(...,
out_file=...)``, which mmcls's ClsVisualizer had and mmpretrain's UniversalVisualizer has not
(it inherits an empty method without ``out_file``).
Cure: UniversalVisualizer gets the method: show the drawn image, write it, or hand it to the backends.
Can go: once either side mends it.
"""

from __future__ import annotations

import inspect

NAME = 'RazorVisualizationHook with mmpretrain'


def is_broken() -> bool:
    """Whether mmpretrain's visualizer takes no ``out_file``."""
    from mmpretrain.visualization import UniversalVisualizer

    return 'out_file' not in inspect.signature(UniversalVisualizer.add_datasample).parameters


def apply() -> None:
    """Give the visualizer the method that the hook calls."""
    from mmpretrain.visualization import UniversalVisualizer

    UniversalVisualizer.add_datasample = add_datasample


def add_datasample(
    self,
    name,
    image,
    data_sample=None,
    draw_gt=True,
    draw_pred=True,
    show=False,
    wait_time=0,
    out_file=None,
    step=0,
) -> None:
    """Show, write or record an image (H, W, 3, RGB) that is already drawn."""
    import mmcv

    if show:
        self.show(image, win_name=name, wait_time=wait_time)
    if out_file is not None:
        mmcv.imwrite(image[..., ::-1], out_file)
    elif not show:
        self.add_image(name, image, step=step)
