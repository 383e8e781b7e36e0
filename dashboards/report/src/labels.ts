/**
 * Names lines at their ends, so that nobody has to carry colours from a legend to a chart. `spread` is pure; `drawLabels`
 * paints into uPlot's canvas, in the room that the chart keeps free at its right.
 */
import type uPlot from 'uplot';

export interface Label {
  text: string;
  colour: string;
  /** Where the line ends. */
  x: number;
  y: number;
}

/**
 * Places of labels that want to be at `wanted` (ascending) and are `height` high, between `top` and `bottom`: as near as
 * may be without overlap. Neighbours that would overlap form a block around their middle, as in isotonic regression.
 */
export function spread(wanted: number[], height: number, top: number, bottom: number): number[] {
  const blocks: { sum: number; count: number }[] = [];
  const start = (block: { sum: number; count: number }): number => {
    const free = block.sum / block.count - ((block.count - 1) * height) / 2;
    const lowest = bottom - (block.count - 1) * height;
    return Math.max(top, Math.min(free, lowest));
  };
  for (const y of wanted) {
    blocks.push({ sum: y, count: 1 });
    while (blocks.length > 1) {
      const [before, last] = blocks.slice(-2) as [(typeof blocks)[0], (typeof blocks)[0]];
      if (start(before) + before.count * height <= start(last)) break;
      blocks.splice(-2, 2, { sum: before.sum + last.sum, count: before.count + last.count });
    }
  }
  return blocks.flatMap((block) =>
    Array.from({ length: block.count }, (_, place) => start(block) + place * height),
  );
}

const FONT = '600 11.5px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
const LINE = 15;

/** CSS pixels that the longest of these takes. */
export function labelRoom(texts: string[]): number {
  const context = document.createElement('canvas').getContext('2d')!;
  context.font = FONT;
  return Math.ceil(Math.max(0, ...texts.map((text) => context.measureText(text).width))) + 26;
}

/** Paints labels beside the plot, and a fine line from each to its line's end. Coordinates are the canvas's own. */
export function drawLabels(u: uPlot, labels: Label[], ratio: number): void {
  const { ctx, bbox } = u;
  const sorted = labels.toSorted((a, b) => a.y - b.y);
  const places = spread(
    sorted.map((label) => label.y),
    LINE * ratio,
    bbox.top,
    bbox.top + bbox.height,
  );
  const edge = bbox.left + bbox.width;
  ctx.save();
  ctx.font = FONT.replace('11.5', String(11.5 * ratio));
  ctx.textBaseline = 'middle';
  ctx.textAlign = 'left';
  ctx.lineWidth = ratio;
  ctx.setLineDash([]);
  sorted.forEach((label, place) => {
    const y = places[place]!;
    ctx.fillStyle = ctx.strokeStyle = label.colour;
    ctx.globalAlpha = 0.45;
    ctx.beginPath();
    ctx.moveTo(label.x + 2 * ratio, label.y);
    ctx.lineTo(Math.max(label.x, edge) + 6 * ratio, label.y);
    ctx.lineTo(edge + 14 * ratio, y);
    ctx.stroke();
    ctx.globalAlpha = 1;
    ctx.fillText(label.text, edge + 18 * ratio, y);
  });
  ctx.restore();
}
