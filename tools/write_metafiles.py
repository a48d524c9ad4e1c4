"""Write the metafile.yml of every method, and model-index.yml, from the configs and the benchmarks.

For developers, after a config or a result has changed. A test compares.
"""

from mmnystrom.benchmark.zoo import metafiles

if __name__ == '__main__':
    for path, text in metafiles().items():
        path.write_text(text)
