// The health checks of a day as bars, and their latency as a line.

export interface Point {
  at: string;
  looks: number;
  failed: number;
  milliseconds: number;
}
export type BarTone = "ok" | "act" | "bad" | "none";
export interface Bar {
  at: number;
  looks: number;
  failed: number;
  tone: BarTone;
}

const DAY = 86_400_000;

/** A day until now in `count` bars: green when no check failed, red when all did. */
export function barsOf(points: readonly Point[], now: number, count = 48): Bar[] {
  const width = DAY / count;
  const start = now - DAY;
  const bars: Bar[] = Array.from({ length: count }, (_, place) => ({ at: start + place * width, looks: 0, failed: 0, tone: "none" }));
  for (const one of points) {
    const bar = bars[Math.min(count - 1, Math.floor((Date.parse(one.at) - start) / width))];
    if (bar === undefined) continue;
    bar.looks += one.looks;
    bar.failed += one.failed;
  }
  return bars.map((bar) => ({ ...bar, tone: toneOf(bar) }));
}

function toneOf(bar: Bar): BarTone {
  if (bar.looks === 0) return "none";
  if (bar.failed === 0) return "ok";
  return bar.failed === bar.looks ? "bad" : "act";
}

/** Which part of the checks was answered, 0 to 1; null when there was none. */
export function answered(points: readonly Point[]): number | null {
  const looks = points.reduce((sum, one) => sum + one.looks, 0);
  const failed = points.reduce((sum, one) => sum + one.failed, 0);
  return looks === 0 ? null : (looks - failed) / looks;
}

/** The points of an SVG polyline in a box; time goes right, milliseconds go up. */
export function sparkline(points: readonly Point[], now: number, width: number, height: number): string {
  const shown = points.filter((one) => one.looks > one.failed);
  const most = Math.max(1, ...shown.map((one) => one.milliseconds));
  return shown
    .map((one) => {
      const x = ((Date.parse(one.at) - (now - DAY)) / DAY) * width;
      return `${round(Math.min(width, Math.max(0, x)))},${round(height - (one.milliseconds / most) * height)}`;
    })
    .join(" ");
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
