"""Rows on disk: what was written is read, and nothing else."""

import numpy as np
import pytest

from mmnystrom.plugin.replay.row_file import RowFile

SHAPE = (3, 2)


@pytest.fixture
def make(tmp_path):
    def make(rows=10, shape=SHAPE, dtype='<f4'):
        return RowFile(tmp_path / 'rows.npy', rows, shape, dtype)

    return make


def values(*indices):
    return np.array([np.arange(6).reshape(SHAPE) + 10 * i for i in indices], np.float32)


def test_what_is_written_is_read_by_another_process(make):
    writer, reader = make(), make()
    assert not reader.read(np.array([4]))[1].any()
    writer.write(np.array([4, 0]), values(4, 0))
    found, valid = reader.read(np.array([0, 1, 4]))
    assert valid.tolist() == [True, False, True]
    assert np.array_equal(found[valid], values(0, 4))
    assert reader.count() == 2


def test_the_file_is_an_ordinary_npy(make):
    file = make()
    file.write(np.array([2]), values(2))
    assert np.array_equal(np.load(file.path)[2], values(2)[0])


def test_two_writers_share_a_file(make):
    first, second = make(), make()
    first.write(np.array([1]), values(1))
    second.write(np.array([2]), values(2))
    found, valid = first.read(np.array([1, 2]))
    assert valid.all() and np.array_equal(found, values(1, 2))


def test_a_row_without_its_checksum_is_missing(make):
    """As a process leaves it that is killed between the two."""
    file = make()
    file.write(np.array([1, 2]), values(1, 2))
    sums = np.load(file.sums_path, mmap_mode='r+')
    sums[1] = 0
    sums.flush()
    assert make().read(np.array([1, 2]))[1].tolist() == [False, True]


@pytest.mark.parametrize('byte', [0, 11, 23])
def test_a_row_that_is_half_written_is_missing(make, byte):
    file = make()
    file.write(np.array([1, 2]), values(1, 2))
    with file.path.open('r+b') as raw:
        at = file.path.stat().st_size - 10 * file.row_bytes + file.row_bytes + byte
        raw.seek(at)
        old = raw.read(1)
        raw.seek(at)
        raw.write(bytes([old[0] ^ 1]))
    assert make().read(np.array([1, 2]))[1].tolist() == [False, True]


def test_a_row_in_the_place_of_another_is_missing(make):
    file = make()
    file.write(np.array([1, 2]), values(1, 2))
    for path in (file.path, file.sums_path):
        array = np.load(path, mmap_mode='r+')
        array[2] = array[1]
        array.flush()
    assert make().read(np.array([1, 2]))[1].tolist() == [True, False]


def test_a_missing_row_can_be_written_again(make):
    file = make()
    file.write(np.array([1]), values(7))
    file.write(np.array([1]), values(1))
    assert np.array_equal(file.read(np.array([1]))[0], values(1))


def test_rows_of_zeros_count(make):
    file = make()
    file.write(np.array([3]), np.zeros((1, *SHAPE), np.float32))
    assert file.read(np.array([3, 4]))[1].tolist() == [True, False]


def test_scalars(make):
    file = make(shape=(), dtype='<i8')
    file.write(np.array([3, 1]), np.array([30, 10]))
    found, valid = file.read(np.array([1, 2, 3]))
    assert found[valid].tolist() == [10, 30]


def test_another_shape_is_refused_with_the_file(make):
    make().write(np.array([1]), values(1))
    with pytest.raises(ValueError, match=r'rows.npy holds float32 of shape \(10, 3, 2\).*\(9, 3, 2\)'):
        make(rows=9).read(np.array([1]))


def test_a_damaged_file_is_refused_with_its_name(make):
    file = make()
    file.write(np.array([1]), values(1))
    with file.path.open('r+b') as raw:
        raw.truncate(40)
    with pytest.raises(ValueError, match='rows.npy is damaged'):
        make().read(np.array([1]))


def test_files_are_sparse(make):
    file = make(rows=100_000, shape=(1024,))
    file.write(np.array([5]), np.ones((1, 1024), np.float32))
    assert file.path.stat().st_blocks * 512 < 10**6 < file.path.stat().st_size


def test_a_full_disk_is_an_os_error(make, monkeypatch):
    file = make()
    file.write(np.array([1]), values(1))

    def full(*arguments):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr('mmnystrom.plugin.replay.row_file.os.pwrite', full)
    with pytest.raises(OSError, match='No space left'):
        file.write(np.array([2]), values(2))
    assert file.read(np.array([1, 2]))[1].tolist() == [True, False]


def test_closed_files_open_again(make):
    file = make()
    file.write(np.array([1]), values(1))
    file.close()
    assert file.read(np.array([1]))[1].all()
    file.write(np.array([2]), values(2))
    assert file.count() == 2
