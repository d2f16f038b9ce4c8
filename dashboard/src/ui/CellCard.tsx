import { historyOf } from '../data/sql';
import { format } from '../data/format';
import type { Session } from '../session';
import { heatChoice } from '../state';
import { usePoll } from './poll';
import { Sparkline } from './Sparkline';
import { shown } from './values';

const POLL = 3000;
const WINDOWS = 12;
const HIDDEN = new Set(['window_end', 'revision', 'final']);

export function CellCard({ session, cell }: { session: Session; cell: string }) {
  const choice = heatChoice.value;
  const t = usePoll(
    async () => (choice ? session.api.sql(historyOf(choice.view, choice.cell, cell, WINDOWS)) : null),
    POLL, [cell, choice?.view],
  );
  if (!choice) return null;
  const now = session.heat?.get(cell);
  const names = t.value?.columns.map(c => c.name) ?? [];
  const columns = names.map((n, i) => [n, i] as const).filter(([n]) => n !== choice.cell && !HIDDEN.has(n));
  const ordered = [...columns.filter(([n]) => n === 'window_start'), ...columns.filter(([n]) => n !== 'window_start')];
  const at = names.indexOf(choice.value), final = names.indexOf('final');
  const values = (t.value?.rows ?? []).map(r => Number(r[at])).filter(Number.isFinite).reverse();
  return (
    <>
      <h2 class="mono">{cell}</h2>
      <p class="sub">H3 cell · view {choice.view}</p>
      {now && <div class="big"><div><b>{format(now.value)}</b> {choice.value}</div></div>}
      {values.length > 1 && <Sparkline values={values} label={`${choice.value}, last ${values.length} windows`} />}
      {t.value && t.value.rows.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label="Windows of this cell">
          <table class="rows">
            <caption class="unseen">Latest windows of cell {cell}</caption>
            <thead><tr>{ordered.map(([n]) => <th key={n} scope="col">{n === 'window_start' ? 'window' : n}</th>)}</tr></thead>
            <tbody>{t.value.rows.map((r, k) => (
              <tr key={k} class={final >= 0 && r[final] === false ? 'early' : ''}>{ordered.map(([n, i]) => <td key={n}>{shown(n, r[i])}</td>)}</tr>
            ))}</tbody>
          </table>
        </div>
      )}
      {t.value && t.value.rows.length === 0 && <p class="sub">No window of this cell is kept.</p>}
      {t.error && <p class="error">{t.error}</p>}
    </>
  );
}
