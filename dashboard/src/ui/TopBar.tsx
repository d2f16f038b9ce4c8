import type { Session } from '../session';
import { config, counts, lag, status, toggleTheme, vehicleStream } from '../state';
import { span } from '../data/freshness';
import { AlertsButton } from './AlertsPanel';
import { ConnectionPill } from './Connection';
import { Icon } from './icons';
import { Search } from './Search';

const LAG_LONG = 30_000;
const whole = (n: number | undefined): string => (n === undefined ? '–' : Math.round(n).toLocaleString('en'));

export function TopBar({ session }: { session: Session }) {
  const s = status.value;
  const stream = vehicleStream.value;
  const inView = stream === null ? undefined : counts.value.inView.get(stream);
  return (
    <header class="top">
      <div class="brand">
        <svg width="22" height="22" viewBox="0 0 24 24" aria-hidden="true">
          <path d="M12 2l8.7 5v10L12 22l-8.7-5V7z" fill="none" stroke="currentColor" stroke-width="2" />
          <circle cx="12" cy="12" r="3.2" fill="currentColor" />
        </svg>
        <h1>{config.value?.title ?? 'hexpane'}</h1>
      </div>
      <ConnectionPill />
      <dl class="stats">
        <Stat label={stream ?? 'vehicles'} value={whole(inView)} title={`On the screen now; ${whole(s?.devices)} devices in all`} id="vehicles" />
        <Stat label="readings/s" value={whole(s?.readings_per_s)} title={`${whole(s?.readings_total)} readings since the start`} id="rate" />
        <Stat label="event-time lag" value={lag.value === null ? '–' : span(lag.value)} warn={(lag.value ?? 0) > LAG_LONG}
          title="How far the watermark is behind now" id="lag" />
        <Stat label="edges" value={whole(s?.edges)} id="edges" />
        <Stat label="viewers" value={whole(s?.viewers)} id="viewers" />
        {s?.disk_full && <Stat label="core's disk" value="full" warn title="Nothing new is shown until there is room on it; edges and devices hold their readings" id="disk" />}
      </dl>
      <AlertsButton session={session} />
      <Search session={session} />
      <button class="icon" aria-label="Change colour theme" title="Theme (T)" onClick={toggleTheme}><Icon name="sun" /></button>
    </header>
  );
}

function Stat(p: { label: string; value: string; id: string; title?: string; warn?: boolean }) {
  return (
    <div class={p.warn ? 'stat warn' : 'stat'} title={p.title} data-testid={`stat-${p.id}`}>
      <dt>{p.label}</dt><dd>{p.value}</dd>
    </div>
  );
}
