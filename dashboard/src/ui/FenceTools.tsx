import { useRef } from 'preact/hooks';
import type { Session } from '../session';
import { draft, eventsShown, fencesKnown } from '../state';
import { Icon } from './icons';

/** Draw a fence, its events, import and export. */
export function FenceTools({ session }: { session: Session }) {
  const file = useRef<HTMLInputElement>(null);
  if (!fencesKnown.value || draft.value) return null;
  return (
    <div class="panel tools" role="group" aria-label="Fences">
      <button class="icon" aria-label="Draw a fence" title="Draw a fence" onClick={() => session.fencing.begin()}><Icon name="polygon" /></button>
      <button class="icon" aria-label="Fence events" aria-pressed={eventsShown.value} title="Fence events" onClick={() => { eventsShown.value = !eventsShown.value; }}><Icon name="list" /></button>
      <button class="icon" aria-label="Import fences from GeoJSON" title="Import GeoJSON" onClick={() => file.current?.click()}><Icon name="up" /></button>
      <button class="icon" aria-label="Export fences as GeoJSON" title="Export GeoJSON" onClick={() => void session.fencing.export()}><Icon name="down" /></button>
      <input ref={file} type="file" hidden aria-label="GeoJSON file of fences" accept=".geojson,.json,application/geo+json" onChange={e => {
        const f = e.currentTarget.files?.[0];
        e.currentTarget.value = '';
        if (f) void session.fencing.import(f);
      }} />
    </div>
  );
}
