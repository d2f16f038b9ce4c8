import type { Session } from '../session';
import { span, type Connection } from '../data/freshness';
import { age, clock, connection, link } from '../state';

const WORD: Record<Connection, string> = { connecting: 'Connecting', live: 'Live', stale: 'Stale', reconnecting: 'Reconnecting' };

/** Always in sight: is this live, and how old is it? */
export function ConnectionPill() {
  const c = connection.value;
  const old = Number.isFinite(age.value) ? `data ${span(age.value)} old` : 'no data yet';
  return (
    <div class={`pill pill-${c}`} data-testid="connection" data-state={c}>
      <i aria-hidden="true" /><b>{WORD[c]}</b><span class="age">{old}</span>
    </div>
  );
}

/** Says changes of state to screen readers, once each; the ticking age would be noise. */
export function ConnectionVoice() {
  const say: Record<Connection, string> = {
    connecting: 'Connecting to the server',
    live: 'Connection live',
    stale: 'Warning: data is stale',
    reconnecting: 'Connection lost, data is stale, reconnecting',
  };
  return <div class="unseen" role="status" aria-live="polite">{say[connection.value]}</div>;
}

export function StaleBanner({ session }: { session: Session }) {
  const c = connection.value;
  if (c === 'live' || c === 'connecting') return null;
  const known = Number.isFinite(age.value);
  const at = known ? new Date(clock.value - age.value).toLocaleTimeString('en-GB') : '';
  const { link: l, retryAt } = link.value;
  return (
    <div class={`banner banner-${c}`} data-testid="banner">
      <span>
        {c === 'stale' ? 'Data is stale: ' : 'No connection, data is stale: '}
        {known ? `the last came at ${at}, ${span(age.value)} ago.` : 'none has come since this page opened.'}
        {c === 'reconnecting' && (l === 'waiting' ? ` Next try in ${Math.max(0, Math.ceil((retryAt - clock.value) / 1000))} s.` : ' Trying now…')}
      </span>
      {c === 'reconnecting' && l === 'waiting' && <button onClick={() => session.retryNow()}>Retry now</button>}
    </div>
  );
}
