"""The metafiles of the zoo."""

from mmnystrom.benchmark import zoo


def test_metafiles_are_what_the_configs_and_results_say():
    """tools/write_metafiles.py writes them anew."""
    for path, text in zoo.metafiles().items():
        assert path.read_text() == text, f'{path}: run python tools/write_metafiles.py'


def test_a_result_is_that_of_the_config_alone():
    """The suite cifar100-gpu has other batches than its configs, and was run."""
    assert (zoo.RESULTS / 'cifar100-gpu.json').is_file()
    names = zoo.measured()
    assert any(name.endswith('_digits') for name in names)
    assert not any(name.endswith('1xb128-15e_cifar100') for name in names)
