import { useState } from 'preact/hooks';
import { span } from '../data/freshness';
import type { Session } from '../session';
import { clock, fencesVersion } from '../state';
import { EventLine } from './FenceEvents';
import { usePoll } from './poll';

const POLL = 2000;
const EVENTS = 8;

/** A fence: its rules, who is inside now, what happened last. */
export function FenceCard({ session, id }: { session: Session; id: string }) {
  void fencesVersion.value;
  const inside = usePoll(() => session.api.inside(id), POLL, [id]);
  const [asking, ask] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const f = session.fences.all.get(id);
  if (!f) return <><h2>{id}</h2><p class="sub">This fence was deleted.</p></>;
  const events = session.fences.events.filter(e => e.fence === id).slice(0, EVENTS);
  return (
    <>
      <h2>{f.name}</h2>
      <p class="sub">fence {id}</p>
      <div class="big"><div data-testid="inside"><b>{f.inside.toLocaleString('en')}</b> inside now</div></div>
      <ul class="rules">{rules(f.properties).map(r => <li key={r}>{r}</li>)}</ul>
      <div class="buttons">
        <button class="act" onClick={() => session.fencing.edit(id)}>Edit</button>
        {!asking && <button class="act" onClick={() => ask(true)}>Delete</button>}
      </div>
      {asking && (
        <div class="ask" role="group" aria-label={`Delete ${f.name}?`}>
          <p>Delete “{f.name}”? Whoever is inside leaves it.</p>
          <div class="buttons">
            <button class="act danger" onClick={() => void session.fencing.remove(id).then(e => { setError(e); ask(false); })}>Delete the fence</button>
            <button class="act" ref={b => b?.focus()} onClick={() => ask(false)}>Keep it</button>
          </div>
        </div>
      )}
      {error && <p class="error" role="alert">{error}</p>}
      <h3>Inside</h3>
      {inside.error && <p class="error">{inside.error}</p>}
      {inside.value && inside.value.devices.length === 0 && <p class="none">Nobody.</p>}
      {inside.value && inside.value.devices.length > 0 && (
        <ul class="scroll chips" tabIndex={0} aria-label="Devices inside">
          {inside.value.devices.map(d => <li key={`${d.stream} ${d.device}`}><button onClick={() => void session.goTo(d.device)}>{d.device}</button></li>)}
        </ul>
      )}
      <h3>Last events</h3>
      {events.length === 0 && <p class="none">None yet.</p>}
      <ul class="events">{events.map(e => <EventLine key={e.id} session={session} e={e} when={`${span(clock.value - e.ts)} ago`} />)}</ul>
    </>
  );
}

/** The properties as an operator would say them. */
function rules(p: Record<string, unknown>): string[] {
  const detect = Array.isArray(p.detect) ? p.detect.map(String) : [];
  const streams = Array.isArray(p.streams) && p.streams.length ? `only ${p.streams.join(', ')}` : null;
  return [
    ...detect.map(d => (d === 'dwell' ? `dwell after ${String(p.dwell ?? '?')}` : d === 'speeding' ? `speeding over ${String(p.speed_limit_kmh ?? '?')} km/h` : d)),
    ...(streams ? [streams] : []),
  ];
}
