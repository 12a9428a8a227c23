/** Draws recall against speed as an SVG picture that needs no script and no font of its own. */

export interface Point {
  /** 0..1. */
  readonly recall: number;
  /** Queries a second. */
  readonly rate: number;
}

export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
}

export interface Panel {
  readonly title: string;
  readonly series: readonly Series[];
}

const WIDTH = 480;
const HEIGHT = 360;
const MARGIN = { left: 64, right: 16, top: 36, bottom: 48 };
const LEGEND = 28;
/** Recall below this is of no use. */
const LEAST_RECALL = 0.8;
/** Told apart with every kind of colour vision (Okabe and Ito). */
const COLOURS = ['#d55e00', '#000000', '#0072b2', '#009e73', '#56b4e9', '#cc79a7'];
/** Nearer to 1 a step of recall costs more: the axis shows -log(1 - recall). */
const RECALL_TICKS = [0.8, 0.9, 0.95, 0.98, 0.99, 0.999];
const NEAREST_ONE = 0.0005;

const escapeText = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
const recallScale = (recall: number): number => -Math.log10(Math.max(1 - recall, NEAREST_ONE));
const number = (value: number): string => value.toFixed(1);

interface Axes {
  x(recall: number): number;
  y(rate: number): number;
  readonly decades: readonly [number, number];
}

function axesOf({ series }: Panel, left: number): Axes {
  const rates = series.flatMap((each) => each.points.map((point) => point.rate));
  const low = Math.floor(Math.log10(Math.min(...rates)));
  const high = Math.ceil(Math.log10(Math.max(...rates)));
  const from = recallScale(LEAST_RECALL);
  const to = recallScale(1);
  const inner = { width: WIDTH - MARGIN.left - MARGIN.right, height: HEIGHT - MARGIN.top - MARGIN.bottom };
  return {
    x: (recall) => left + MARGIN.left + ((recallScale(recall) - from) / (to - from)) * inner.width,
    y: (rate) => MARGIN.top + inner.height * (1 - (Math.log10(rate) - low) / Math.max(1, high - low)),
    decades: [low, high],
  };
}

function grid(panel: Panel, axes: Axes, left: number): string[] {
  const [low, high] = axes.decades;
  const [x0, x1] = [left + MARGIN.left, left + WIDTH - MARGIN.right];
  const [y0, y1] = [MARGIN.top, HEIGHT - MARGIN.bottom];
  const out = [
    `<text x="${number((x0 + x1) / 2)}" y="20" text-anchor="middle" font-weight="bold">${escapeText(panel.title)}</text>`,
    `<text x="${number((x0 + x1) / 2)}" y="${HEIGHT - 10}" text-anchor="middle">recall@10</text>`,
    `<text transform="translate(${left + 14} ${(y0 + y1) / 2}) rotate(-90)" text-anchor="middle">queries a second, one thread</text>`,
  ];
  for (const recall of RECALL_TICKS) {
    const x = number(axes.x(recall));
    out.push(`<line x1="${x}" x2="${x}" y1="${y0}" y2="${y1}" stroke="#ddd"/>`);
    out.push(`<text x="${x}" y="${y1 + 16}" text-anchor="middle">${recall}</text>`);
  }
  for (let decade = low; decade <= high; decade++) {
    for (const step of [1, 2, 5]) {
      const rate = step * 10 ** decade;
      if (rate > 10 ** high) continue;
      const y = number(axes.y(rate));
      out.push(`<line x1="${x0}" x2="${x1}" y1="${y}" y2="${y}" stroke="#ddd"/>`);
      const label = rate >= 1000 ? `${rate / 1000} k` : `${rate}`;
      out.push(`<text x="${x0 - 6}" y="${y}" dy="0.35em" text-anchor="end">${label}</text>`);
    }
  }
  return out;
}

function curve({ points }: Series, axes: Axes, colour: string): string[] {
  const kept = points.filter((point) => point.recall >= LEAST_RECALL).sort((a, b) => a.recall - b.recall);
  const places = kept.map((point) => `${number(axes.x(point.recall))},${number(axes.y(point.rate))}`);
  return [
    `<polyline points="${places.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`,
    ...places.map((place) => {
      const [x, y] = place.split(',');
      return `<circle cx="${x}" cy="${y}" r="3" fill="${colour}"/>`;
    }),
  ];
}

/** Panels stand side by side, with one legend: a name has the same colour in all of them. */
export function drawPlot(panels: readonly Panel[]): string {
  const names = [...new Set(panels.flatMap((panel) => panel.series.map((series) => series.name)))];
  const colour = (name: string): string => COLOURS[names.indexOf(name) % COLOURS.length]!;
  const width = WIDTH * panels.length;
  const out = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${HEIGHT + LEGEND}" viewBox="0 0 ${width} ${HEIGHT + LEGEND}" font-family="sans-serif" font-size="11">`,
    '<title>Queries a second by recall, each library a curve</title>',
    `<rect width="${width}" height="${HEIGHT + LEGEND}" fill="#fff"/>`,
  ];
  panels.forEach((panel, i) => {
    const left = i * WIDTH;
    const axes = axesOf(panel, left);
    out.push(...grid(panel, axes, left));
    for (const series of panel.series) out.push(...curve(series, axes, colour(series.name)));
  });
  const step = width / names.length;
  names.forEach((name, i) => {
    const x = number(i * step + 20);
    const y = HEIGHT + LEGEND / 2;
    out.push(`<circle cx="${x}" cy="${y - 4}" r="4" fill="${colour(name)}"/>`);
    out.push(`<text x="${Number(x) + 10}" y="${y}">${escapeText(name)}</text>`);
  });
  return `${out.join('\n')}\n</svg>\n`;
}
