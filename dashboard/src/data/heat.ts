// What each H3 cell shows of a view: the value of its newest window.
import { numbers, texts, type Frame } from './frame';

export interface HeatCell {
  cell: string;
  value: number;
  start: number; // of the window, event time
  end: number;
}

/** Cells not renewed for this many windows leave the map. */
const KEPT_WINDOWS = 30;
const KEPT_AT_LEAST = 60_000;

export class Heat {
  /** As of the last refresh: a new array when something changed, and only then. */
  cells: readonly HeatCell[] = [];
  /** Event time the newest window began at. */
  newest = -Infinity;
  private byCell = new Map<string, HeatCell>();
  private changed = false;

  constructor(readonly view: string, readonly cellColumn: string, readonly valueColumn: string) {}

  apply(frame: Frame): void {
    const cell = texts(frame, this.cellColumn), value = numbers(frame, this.valueColumn);
    if (frame.type === 'snapshot') this.byCell.clear();
    if (cell && value) {
      const start = numbers(frame, 'window_start'), end = numbers(frame, 'window_end');
      for (let r = 0; r < frame.rows; r++) {
        if (!cell[r]) continue;
        const from = start?.[r] ?? Number.NaN;
        const had = this.byCell.get(cell[r]!);
        if (had && from < had.start) continue;
        this.byCell.set(cell[r]!, { cell: cell[r]!, value: value[r]!, start: from, end: end?.[r] ?? Number.NaN });
        if (from > this.newest) this.newest = from;
      }
    }
    this.changed = true;
  }

  /** Brings `cells` up to date. Frames may come many times a second; the eye needs fewer colours than that. */
  refresh(): boolean {
    if (!this.changed) return false;
    this.changed = false;
    for (const c of this.byCell.values()) if (this.age(c) > 1) this.byCell.delete(c.cell);
    this.cells = [...this.byCell.values()].filter(c => Number.isFinite(c.value));
    return true;
  }

  get(cell: string): HeatCell | undefined {
    return this.byCell.get(cell);
  }

  /** 0 for a cell of the newest window, 1 for one about to leave. */
  age(c: HeatCell): number {
    const kept = Math.max(KEPT_AT_LEAST, KEPT_WINDOWS * (c.end - c.start || 0));
    const behind = this.newest - c.start;
    return behind > 0 ? behind / kept : 0;
  }
}
