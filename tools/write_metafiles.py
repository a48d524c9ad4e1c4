"""Write the metafile.yml of every method, and model-index.yml, from the configs and the benchmarks.

For developers, after a config or a result has changed. A test compares.
"""

import argparse

from mmnystrom.benchmark.zoo import measured, metafiles

if __name__ == '__main__':
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    results, otherwise = measured()
    for path, text in metafiles(results).items():
        path.write_text(text)
    for suite, methods in otherwise.items():
        print(
            f'results/{suite}.json: no result of {", ".join(methods)} is taken. They were trained '
            'otherwise than their configs say today: with options such as --amp, or before a change.'
        )
