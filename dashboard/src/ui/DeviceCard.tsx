import { span } from '../data/freshness';
import { Shape } from '../data/fleet';
import type { Session } from '../session';
import { clock } from '../state';
import { Mark, Icon } from './icons';
import { usePoll } from './poll';
import { shown } from './values';

const WORD: Record<Shape, string> = { [Shape.moving]: 'moving', [Shape.idle]: 'idle', [Shape.stale]: 'stale', [Shape.sensor]: 'sensor' };
const POLL = 2000;

export function DeviceCard({ session, stream, id }: { session: Session; stream: string; id: string }) {
  const row = usePoll(() => session.latest(stream, id), POLL, [stream, id]);
  const d = session.fleets.get(stream)?.state(id) ?? null;
  return (
    <>
      <h2>{d && <Mark shape={d.shape} />}{id}</h2>
      <p class="sub">{stream}{d && ` · ${WORD[d.shape]} · seen ${span(clock.value - d.seen)} ago`}</p>
      {d && !Number.isNaN(d.speed) && (
        <div class="big">
          <div><b>{Math.round(d.speed)}</b> km/h</div>
          {!Number.isNaN(d.heading) && <div><b>{Math.round(d.heading) % 360}°</b> {compass(d.heading)}</div>}
        </div>
      )}
      {row.value && (
        <table>
          <caption class="unseen">Latest reading of {id}</caption>
          <tbody>{[...row.value].map(([k, v]) => <tr key={k}><th scope="row">{k}</th><td>{shown(k, v)}</td></tr>)}</tbody>
        </table>
      )}
      {!row.value && !row.error && <p class="sub">Asking for the latest reading…</p>}
      {row.error && <p class="error">{row.error}</p>}
      {d && <button class="act" onClick={() => session.map?.fly([d.lon, d.lat], 15)}><Icon name="target" size={15} />Centre on it</button>}
    </>
  );
}

const POINTS = ['N', 'NE', 'E', 'SE', 'S', 'SW', 'W', 'NW'];

function compass(heading: number): string {
  return POINTS[Math.round((((heading % 360) + 360) % 360) / 45) % 8]!;
}
