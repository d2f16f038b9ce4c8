import type { FenceEvent } from '../data/fences';
import type { Session } from '../session';
import { eventsShown, fencesKnown, fencesShown, fencesVersion } from '../state';
import { clockTime } from './values';

const SHOWN = 7;

/** What happened at the fences, newest first. */
export function FenceEvents({ session }: { session: Session }) {
  void fencesVersion.value;
  const events = session.fences.events.slice(0, SHOWN);
  if (!fencesKnown.value || !eventsShown.value || !fencesShown.value || events.length === 0) return null;
  return (
    <section class="panel strip" aria-label="Fence events" data-testid="events">
      <ul class="events">
        {events.map(e => <EventLine key={e.id} session={session} e={e} when={Number.isNaN(e.ts) ? '' : clockTime(new Date(e.ts).toISOString())}
          fence={session.fences.all.get(e.fence)?.name ?? e.fence} />)}
      </ul>
    </section>
  );
}

export function EventLine({ session, e, when, fence }: { session: Session; e: FenceEvent; when: string; fence?: string }) {
  const more = e.kind === 'speeding' && e.speed !== null ? ` ${Math.round(e.speed)} km/h` : e.dwell !== null && e.dwell > 0 ? ` ${Math.round(e.dwell)} s` : '';
  const go = (): void => {
    if (Number.isFinite(e.lon) && Number.isFinite(e.lat)) session.map?.fly([e.lon, e.lat], 14);
    session.select({ kind: 'fence', id: e.fence });
  };
  return (
    <li><button onClick={go}><b class={`kind kind-${e.kind}`}>{e.kind}</b> <span>{e.device}{fence && ` · ${fence}`}{more}</span> <time>{when}</time></button></li>
  );
}
