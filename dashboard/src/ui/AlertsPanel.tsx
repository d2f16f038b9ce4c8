import { useState } from 'preact/hooks';
import type { Alert } from '../data/alerts';
import { span } from '../data/freshness';
import { format } from '../data/format';
import type { Session } from '../session';
import { alertsKnown, alertsShown, alertsVersion, alertVoice, clock } from '../state';
import { Icon } from './icons';

const LISTED = 50;
const FOR: readonly [string, string][] = [['30m', '30 min'], ['2h', '2 hours'], ['8h', '8 hours'], ['24h', '1 day']];

/** In the top bar: how many alerts want somebody, in the colour of the worst. */
export function AlertsButton({ session }: { session: Session }) {
  void alertsVersion.value;
  if (!alertsKnown.value) return null;
  const { count, worst } = session.alerts.open();
  return (
    <button class={`icon bell ${worst ?? ''}`} aria-label={count === 1 ? '1 alert fires' : `${count} alerts fire`} aria-pressed={alertsShown.value} title="Alerts (A)"
      data-testid="bell" onClick={() => { alertsShown.value = !alertsShown.value; }}>
      <Icon name="bell" />{count > 0 && <b>{count > 99 ? '99+' : count}</b>}
    </button>
  );
}

/** Says a new alert to screen readers. */
export function AlertVoice() {
  return <div class="unseen" role="log" aria-live="polite" aria-label="Newest alert">{alertVoice.value}</div>;
}

/** The alerts that stand, those that want somebody first. */
export function AlertsPanel({ session }: { session: Session }) {
  void alertsVersion.value;
  if (!alertsKnown.value || !alertsShown.value) return null;
  const all = session.alerts.list();
  return (
    <section class="panel alerts" aria-label="Alerts" data-testid="alerts">
      <h2>Alerts{all.length > 0 && <em>{all.length.toLocaleString('en')}</em>}</h2>
      <button class="icon shut" aria-label="Close alerts" title="Close (A)" onClick={() => { alertsShown.value = false; }}><Icon name="close" size={16} /></button>
      {all.length === 0 && <p class="quiet">All quiet.</p>}
      <ul class="scroll" tabIndex={0} aria-label="Alerts that stand">{all.slice(0, LISTED).map(a => <Item key={a.id} session={session} a={a} />)}</ul>
      {all.length > LISTED && <p class="quiet">… and {(all.length - LISTED).toLocaleString('en')} more: SELECT * FROM alerts</p>}
    </section>
  );
}

function Item({ session, a }: { session: Session; a: Alert }) {
  const [asking, ask] = useState(false);
  const [said, say] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const { alerting } = session;
  const run = (act: Promise<string | null>): void => {
    setBusy(true);
    void act.then(why => { say(why); setBusy(false); ask(false); });
  };
  const silenced = a.silences.length > 0;
  const name = `${a.alert} ${a.key}`;
  return (
    <li class={`alert ${a.severity} ${a.state}${silenced ? ' silenced' : ''}`} data-testid="alert">
      <button class="where" aria-label={`Show ${name} on the map`} onClick={() => void alerting.goTo(a).then(say)}>
        <i aria-hidden="true" />
        <span class="what"><b>{a.alert}</b> {a.key}</span>
        <time>{Number.isNaN(a.since) ? '' : span(Math.max(0, clock.value - a.since))}</time>
        <span class="why">{a.severity} · {a.condition}{a.value !== null && ` · ${format(a.value)}`}</span>
      </button>
      <div class="buttons">
        {a.state === 'firing' ? <button class="act" disabled={busy} aria-label={`Acknowledge ${name}`} onClick={() => run(alerting.acknowledge(a))}>Acknowledge</button>
          : <span class="by">{a.by || 'somebody'} takes care</span>}
        {silenced ? <><span class="by">silenced</span><button class="act" disabled={busy} aria-label={`End the silence of ${name}`} onClick={() => run(alerting.unsilence(a))}>End</button></>
          : <button class="act" aria-expanded={asking} aria-label={`Silence ${name}`} onClick={() => ask(!asking)}>Silence</button>}
      </div>
      {asking && !silenced && (
        <div class="buttons" role="group" aria-label={`For how long is ${name} silenced?`}>
          {FOR.map(([lasting, label], i) => <button key={lasting} class="act" disabled={busy} ref={b => { if (i === 0 && !busy) b?.focus(); }} onClick={() => run(alerting.silence(a, lasting))}>{label}</button>)}
        </div>
      )}
      {said && <p class="error" role="alert">{said}</p>}
    </li>
  );
}
