import type { Goal, Result } from './measure.js';

/** `0.90` and above: what the ratio has to be. */
export function goalText(goal: Goal): string {
  switch (goal.kind) {
    case 'speed':
      return goal.atLeast === undefined ? '-' : `>= ${goal.atLeast.toFixed(2)} x`;
    case 'time':
      return `<= ${goal.atMost.toFixed(2)} x its time`;
    case 'seconds':
      return `< ${goal.below} s`;
    case 'figure':
      return goal.atLeast === undefined ? `<= ${goal.atMost}` : `>= ${goal.atLeast}`;
    case 'difference':
      return `>= its ${goal.atLeast < 0 ? '-' : '+'} ${Math.abs(goal.atLeast)}`;
  }
}

export function ratioText({ measure, ratio, lowest, highest }: Result): string {
  const { kind } = measure.goal;
  if (kind === 'figure') return '-';
  if (kind === 'difference') return `${ratio < 0 ? '' : '+'}${ratio.toFixed(4)}`;
  const [digits, unit] = kind === 'seconds' ? [3, ' s'] : [2, ''];
  return `${ratio.toFixed(digits)}${unit} (${lowest.toFixed(digits)}-${highest.toFixed(digits)})`;
}

/** A figure with its unit, thousands shortened. */
export function figureText(value: number, unit: string): string {
  if (unit === 's') return `${value.toFixed(value < 10 ? 3 : 1)} s`;
  if (unit === 'recall') return `recall ${value.toFixed(4)}`;
  if (value >= 10_000) return `${(value / 1000).toFixed(value >= 100_000 ? 0 : 1)} k ${unit}`;
  return `${value.toFixed(value >= 100 ? 0 : 1)} ${unit}`;
}

export const COLUMNS = ['name', 'measure', 'VexFS', 'peer', 'ratio (lowest-highest)', 'goal', ''];

export function cells(result: Result): string[] {
  const { measure, ours, peer, met } = result;
  const { unit } = measure;
  return [
    measure.name,
    measure.title,
    figureText(ours, unit),
    peer === undefined ? '-' : `${figureText(peer, unit)} ${measure.peer!.name}`,
    ratioText(result),
    goalText(measure.goal),
    met === undefined ? '' : met ? 'met' : 'missed',
  ];
}

export function textTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
