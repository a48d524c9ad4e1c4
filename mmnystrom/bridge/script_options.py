"""Break: three options of mmrazor's tools do not work with the configs and the launcher of today.

Where: ``.mim/tools/train.py``.
``--amp`` turns ``optim_wrapper.type`` from OptimWrapper to AmpOptimWrapper, but only if the key is there,
and is ignored without a word if not; mmengine's own default for the key is OptimWrapper.
``--auto-scale-lr`` asks for ``auto_scale_lr.enable``, which mmpretrain's schedules leave out.
``--local-rank=0``, as ``torch.distributed.launch`` spells it since torch 2 (and with it dist_train.sh and
mim), is unknown: the tools have ``--local_rank``.
Cure: for a script that is run with one of these, the two defaults are written into every config it loads,
and its parser takes either spelling.
Can go: once mmrazor's tools do so themselves, as mmpretrain's do.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Sequence

RANK, RANK_TODAY = '--local_rank', '--local-rank'


def asked_for(option: str, args: Sequence[str]) -> bool:
    """Whether a script's arguments have an option (argparse takes ``--am`` for ``--amp``).

    Args:
        option: With its dashes.
        args: The arguments.
    """
    given = (arg.partition('=')[0] for arg in args)
    return any(len(arg) > 3 and option.startswith(arg) for arg in given)


def apply(args: Sequence[str]) -> None:
    """Make the options that these arguments have work."""
    if asked_for(RANK_TODAY, args):
        _take_either_spelling()
    if asked_for('--amp', args) or asked_for('--auto-scale-lr', args):
        _write_defaults()


def _take_either_spelling() -> None:
    parse = argparse.ArgumentParser.parse_known_args

    @functools.wraps(parse)
    def parse_known_args(self, *args, **kwargs):
        known = self._option_string_actions
        if RANK in known and RANK_TODAY not in known:
            known[RANK_TODAY] = known[RANK]
        return parse(self, *args, **kwargs)

    argparse.ArgumentParser.parse_known_args = parse_known_args


def _write_defaults() -> None:
    from mmengine.config import Config

    fromfile = Config.fromfile

    @functools.wraps(fromfile)
    def fromfile_with_defaults(*args, **kwargs):
        config = fromfile(*args, **kwargs)
        wrapper, scaling = config.get('optim_wrapper'), config.get('auto_scale_lr')
        if isinstance(wrapper, dict) and not wrapper.get('type') and not wrapper.get('constructor'):
            wrapper['type'] = 'OptimWrapper'
        if isinstance(scaling, dict) and 'base_batch_size' in scaling:
            scaling.setdefault('enable', False)
        return config

    Config.fromfile = staticmethod(fromfile_with_defaults)
