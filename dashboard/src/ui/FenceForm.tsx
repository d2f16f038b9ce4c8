import { points } from '../data/draft';
import type { Session } from '../session';
import { config, draft } from '../state';

const DETECT = ['enter', 'exit', 'dwell', 'speeding', 'cross', 'lost'] as const;

/** The fence being drawn or edited: its rules, and what the server said of it. */
export function FenceForm({ session }: { session: Session }) {
  const d = draft.value!;
  const p = d.properties, { fencing } = session;
  const set = (name: string, value: unknown): void => fencing.step(x => {
    const { [name]: _, ...rest } = x.properties;
    return { ...x, properties: value === undefined ? rest : { ...rest, [name]: value } };
  });
  const has = (list: unknown, v: string): boolean => Array.isArray(list) && list.includes(v);
  const flip = (name: string, v: string, empty: unknown): void => {
    const list = Array.isArray(p[name]) ? (p[name] as string[]) : [];
    const next = list.includes(v) ? list.filter(x => x !== v) : [...list, v];
    set(name, next.length ? next : empty);
  };
  const n = points(d).length;
  return (
    <aside class="panel card" aria-label="Fence" data-testid="draft">
      <h2>{d.id === null ? 'New fence' : `Edit ${String(p.name ?? d.id)}`}</h2>
      <p class="sub hint">{d.closed ? 'Drag corners, the dots between them, or the whole. Delete removes the chosen corner.'
        : n < 3 ? 'Click the corners on the map. Esc cancels.' : 'Enter, a double click or a click on the first corner closes it.'}</p>
      <form onSubmit={e => { e.preventDefault(); if (d.closed) void fencing.save(); }}>
        <label>Name<input type="text" value={String(p.name ?? '')} onInput={e => set('name', e.currentTarget.value)} /></label>
        <fieldset><legend>Detect</legend>
          {DETECT.map(k => <label key={k} class="switch"><input type="checkbox" checked={has(p.detect, k)} onChange={() => flip('detect', k, [])} />{k}</label>)}
        </fieldset>
        {has(p.detect, 'dwell') && <label>Dwell after<input type="text" placeholder="5m" value={String(p.dwell ?? '')} onInput={e => set('dwell', e.currentTarget.value.trim() || undefined)} /></label>}
        {has(p.detect, 'speeding') && <label>Speed limit, km/h<input type="number" min="1" value={String(p.speed_limit_kmh ?? '')}
          onInput={e => set('speed_limit_kmh', e.currentTarget.value ? Number(e.currentTarget.value) : undefined)} /></label>}
        <fieldset><legend>Streams (none: all)</legend>
          {config.value?.position_streams.map(s => <label key={s} class="switch"><input type="checkbox" checked={has(p.streams, s)} onChange={() => flip('streams', s, undefined)} />{s}</label>)}
        </fieldset>
        {d.error && !d.conflict && <p class="error" role="alert" data-testid="refused">{d.error}</p>}
        {d.conflict && (
          <div class="ask" role="alert" data-testid="conflict">
            <p>Changed by somebody else meanwhile: reload theirs, or overwrite it with yours.</p>
            <div class="buttons">
              <button type="button" class="act" onClick={() => void fencing.reload()}>Reload</button>
              <button type="button" class="act danger" onClick={() => void fencing.save(true)}>Overwrite</button>
            </div>
          </div>
        )}
        <div class="buttons">
          {d.closed ? <button class="act" type="submit" disabled={d.busy}>{d.busy ? 'Saving…' : 'Save'}</button>
            : <button class="act" type="button" disabled={n < 3} onClick={fencing.close}>Close the ring</button>}
          <button class="act" type="button" disabled={d.past.length === 0} onClick={fencing.undo}>Undo</button>
          <button class="act" type="button" onClick={() => fencing.cancel()}>Cancel</button>
        </div>
      </form>
    </aside>
  );
}
