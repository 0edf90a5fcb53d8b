// Numbers for people: medians, and a table in Markdown.
import os from 'node:os';

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const PRECISION = [[100, 0], [10, 1], [0, 2]];

/** Milliseconds with about three digits. */
function ms(value) {
  const [, digits] = PRECISION.find(([from]) => value >= from);
  return value.toFixed(digits);
}

/** Bytes in the unit in which they have up to four digits. */
export function size(bytes) {
  if (bytes === null) return 'unknown';
  if (bytes < 10_000) return `${Math.round(bytes)} B`;
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** The table of the measured requests; with two servers, the ratio says how many times faster the second one is. */
export function requestTable(names, rows) {
  const both = names.length === 2;
  const head = ['Request', ...names.flatMap((name) => [`${name} ms`, 'min–max']), ...(both ? ['ratio'] : []), ...names.map((name) => `${name} bytes`), 'note'];
  const body = rows.map(({ name, results, note }) => [
    name,
    ...results.flatMap(({ times }) => [ms(median(times)), `${ms(Math.min(...times))}–${ms(Math.max(...times))}`]),
    ...(both ? [`${(median(results[0].times) / median(results[1].times)).toFixed(2)}x`] : []),
    ...results.map(({ bytes }) => size(bytes)),
    note,
  ]);
  return markdown(head, body);
}

/** A Markdown table with aligned columns. */
export function markdown(head, body) {
  const widths = head.map((_, column) => Math.max(3, ...[head, ...body].map((row) => row[column].length)));
  const line = (cells) => `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]))).join(' | ')} |`;
  const rule = `|${widths.map((width, column) => (column === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [line(head), rule, ...body.map(line)].join('\n');
}

/** Where this was measured. */
export function machine() {
  const cpus = os.cpus();
  return `${cpus[0]?.model.trim() ?? 'unknown processor'}, ${cpus.length} cores, ${Math.round(os.totalmem() / 2 ** 30)} GiB, ${os.type()} ${os.release()}, Node ${process.versions.node}`;
}
