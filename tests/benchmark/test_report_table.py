"""The table of results."""

from benchmark.reports import results_of

from mmnystrom.benchmark import figures, report_table


def test_table_and_pictures(tmp_path):
    results = results_of(['student alone', 'KD', 'KDA correlated', 'RKD'])
    results['KD'].costs = dict(time=1.5, memory=2.0, extra_parameters=1234)
    results['RKD'].diverged = [0]
    results['RKD'].transfer = {'pre-FC': [], 'post-FC': []}
    lines = report_table.table(results, [90.0]).splitlines()
    assert len(lines) == 7 and len({len(line) for line in lines}) == 1
    assert [cell.strip() for cell in lines[4].split('|')[-4:-1]] == ['1.50', '2.00', '1,234']
    assert 'RKD' in lines[6] and lines[6].count(' - ') == 7
    figures.accuracy(tmp_path / 'a.png', 'a title', results, 90.0)
    figures.transfer(tmp_path / 'b.png', 'a title', results)
    assert all((tmp_path / name).stat().st_size > 5000 for name in ('a.png', 'b.png'))


def test_kernel_figures_are_those_that_there_are():
    results = results_of(['student alone', 'KDA correlated'])
    head = report_table.table(results, [90.0]).splitlines()[0]
    assert 'transfer post-FC' in head and 'CKA' not in head  # of reports that are older than it
    assert 'CKA' not in report_table.legend(results, None)
    results['KDA correlated'].cka = {'pre-FC': [0.85, 0.95], 'post-FC': [0.5, 0.6]}
    head, _, _, alone, kda = (
        line.split('|') for line in report_table.table(results, [90.0]).splitlines()
    )
    place = [cell.strip() for cell in head].index('CKA pre-FC')
    assert kda[place].split() == ['0.900', '±', '0.071'] and kda[place + 1].split()[0] == '0.550'
    assert alone[place].strip() == '-' and 'centred kernel matrices' in report_table.legend(results, None)
