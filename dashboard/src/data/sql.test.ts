import { expect, it } from 'vitest';
import { historyOf, latestOf, name, quote } from './sql';

it('quotes what devices call themselves', () => {
  expect(quote("o'neil'; DROP STREAM x; --")).toBe("'o''neil''; DROP STREAM x; --'");
  expect([name('plain_1'), name('with space'), name('a"b')]).toEqual(['plain_1', '"with space"', '"a""b"']);
  expect(latestOf('vehicles', 'device', "a'b")).toBe("SELECT * FROM vehicles WHERE device = 'a''b'");
  expect(historyOf('cell_speed', 'cell', '8928', 12)).toBe("SELECT * FROM cell_speed WHERE cell = '8928' ORDER BY window_start DESC LIMIT 12");
});
