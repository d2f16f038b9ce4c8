// What browser tests look at, under ?test=1 only.
import type { Session } from './session';

export function expose(session: Session): void {
  const hook = {
    get map() { return session.map?.base; },
    ready: () => session.map?.ready() ?? false,
    vehicles: () => session.fleets.values().next().value?.n ?? 0,
    drawn: (layer: string) => session.map?.drawn(layer) ?? false,
    cells: () => session.heat?.cells.length ?? 0,
    connection: () => session.connection(),
    ageMs: () => session.ageMs(),
    fences: session.fences,
    frames: session.frames,
    session,
  };
  (window as unknown as { __hexpane: typeof hook }).__hexpane = hook;
}
