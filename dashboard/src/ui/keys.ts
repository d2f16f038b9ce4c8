import type { Session } from '../session';
import { heatShown, picked, toggleStream, toggleTheme, vehicleStream } from '../state';

/** Single-key shortcuts; none while typing, and none with a modifier, which is the browser's. */
export function listenForKeys(session: Session): () => void {
  const down = (e: KeyboardEvent): void => {
    const typing = e.target instanceof HTMLElement && /^(INPUT|SELECT|TEXTAREA)$/.test(e.target.tagName)
      && !(e.target instanceof HTMLInputElement && e.target.type === 'checkbox');
    if (typing || e.ctrlKey || e.metaKey || e.altKey) return;
    const act = actions[e.key.toLowerCase()];
    if (!act) return;
    e.preventDefault();
    act();
  };
  const actions: Record<string, () => void> = {
    '/': () => document.getElementById('search')?.focus(),
    v: () => { if (vehicleStream.value) toggleStream(vehicleStream.value); },
    h: () => { heatShown.value = !heatShown.value; },
    t: toggleTheme,
    escape: () => { if (picked.value) session.select(null); },
  };
  addEventListener('keydown', down);
  return () => removeEventListener('keydown', down);
}
