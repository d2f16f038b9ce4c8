/** How long to wait between two drawn frames, from how long frames take here: a fast machine draws every
 * frame, a slow one (software rendering, a weak tablet) keeps time for everything else. */
export class Pace {
  private cost = 16;
  private paintedAt = -Infinity;

  /** Called on each animation frame: may a new picture be drawn now? */
  due(now: number): boolean {
    const rest = this.cost < 24 ? 0 : this.cost * 1.5;
    return now - this.paintedAt >= rest;
  }

  painted(now: number): void {
    this.paintedAt = now;
  }

  /** Called on the first animation frame after a painted one. */
  took(ms: number): void {
    this.cost += (Math.min(ms, 500) - this.cost) * 0.2;
  }
}
