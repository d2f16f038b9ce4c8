import type { Session } from '../session';
import { draft, picked } from '../state';
import { CellCard } from './CellCard';
import { DeviceCard } from './DeviceCard';
import { FenceCard } from './FenceCard';
import { FenceForm } from './FenceForm';
import { Icon } from './icons';

/** The latest values of what was clicked. */
export function Card({ session }: { session: Session }) {
  const p = picked.value;
  if (draft.value) return <FenceForm session={session} />;
  if (!p) return null;
  const title = p.kind === 'cell' ? p.cell : p.id;
  return (
    <aside class="panel card" aria-label={`Details of ${title}`} data-testid="card">
      <button class="icon shut" aria-label="Close details" title="Close (Esc)" onClick={() => session.select(null)}><Icon name="close" size={16} /></button>
      {p.kind === 'device'
        ? <DeviceCard key={p.id} session={session} stream={p.stream} id={p.id} />
        : p.kind === 'fence' ? <FenceCard key={p.id} session={session} id={p.id} />
        : <CellCard key={p.cell} session={session} cell={p.cell} />}
    </aside>
  );
}
