"""The tables of tools/analysis/can_it_hurt.py."""


def report(part, results):
    return ''
