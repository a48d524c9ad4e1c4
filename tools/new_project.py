"""Begin a project: one file of settings, and configs for a teacher, a student, KD, KDA and both."""

import argparse
from pathlib import Path

from mmnystrom.benchmark.cli import run_command
from mmnystrom.benchmark.project import new_project


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('folder', type=Path, help='a new folder; its name is that of the project')
    print(new_project(parser.parse_args().folder))


if __name__ == '__main__':
    run_command(main)
