import type { Session } from '../session';
import { alertsShown, draft, fencesShown, heatShown, picked, toggleStream, toggleTheme, vehicleStream } from '../state';

/** Single-key shortcuts; none while typing, and none with a modifier, which is the browser's. */
export function listenForKeys(session: Session): () => void {
  const down = (e: KeyboardEvent): void => {
    const typing = e.target instanceof HTMLElement && /^(INPUT|SELECT|TEXTAREA)$/.test(e.target.tagName)
      && !(e.target instanceof HTMLInputElement && e.target.type === 'checkbox');
    if (draft.value && !typing && (e.ctrlKey || e.metaKey) && e.key.toLowerCase() === 'z') {
      e.preventDefault();
      session.fencing.undo();
      return;
    }
    if (draft.value && e.key === 'Escape') {
      session.fencing.cancel();
      return;
    }
    if (typing || e.ctrlKey || e.metaKey || e.altKey) return;
    if (e.key === 'Enter' && (!draft.value || e.target instanceof HTMLButtonElement)) return;
    if (/^(Delete|Backspace)$/.test(e.key) && !draft.value) return;
    const act = actions[e.key.toLowerCase()];
    if (!act) return;
    e.preventDefault();
    act();
  };
  const actions: Record<string, () => void> = {
    '/': () => document.getElementById('search')?.focus(),
    v: () => { if (vehicleStream.value) toggleStream(vehicleStream.value); },
    h: () => { heatShown.value = !heatShown.value; },
    f: () => { fencesShown.value = !fencesShown.value; },
    a: () => { alertsShown.value = !alertsShown.value; },
    enter: session.fencing.close,
    delete: session.fencing.removeVertex,
    backspace: () => (draft.value?.closed ? session.fencing.removeVertex() : session.fencing.undo()),
    t: toggleTheme,
    escape: () => { if (picked.value) session.select(null); },
  };
  addEventListener('keydown', down);
  return () => removeEventListener('keydown', down);
}
