import { useEffect, useState } from 'preact/hooks';

export interface Polled<T> { value: T | null; error: string | null }

/** Calls `load` now and every `ms` while the component is shown; keeps the last good value when a call fails. */
export function usePoll<T>(load: () => Promise<T>, ms: number, keys: readonly unknown[]): Polled<T> {
  const [state, setState] = useState<Polled<T>>({ value: null, error: null });
  useEffect(() => {
    let gone = false;
    let timer = 0;
    const run = async (): Promise<void> => {
      try {
        const value = await load();
        if (!gone) setState({ value, error: null });
      } catch (e) {
        if (!gone) setState(s => ({ value: s.value, error: e instanceof Error ? e.message : String(e) }));
      }
      if (!gone) timer = window.setTimeout(() => void run(), ms);
    };
    void run();
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, keys);
  return state;
}
