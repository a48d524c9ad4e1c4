"""The metafiles of the zoo."""

from mmnystrom.benchmark import zoo


def test_metafiles_are_what_the_configs_and_results_say():
    """tools/write_metafiles.py writes them anew."""
    for path, text in zoo.metafiles().items():
        assert path.read_text() == text, f'{path}: run python tools/write_metafiles.py'
