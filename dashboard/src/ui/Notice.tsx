import { useEffect, useState } from 'preact/hooks';
import { setToken } from '../data/api';
import { needsToken, notice } from '../state';
import { Icon } from './icons';

const SHOWN_FOR = 10_000;

/** What the server refused, or what was not found. */
export function Notice() {
  const text = notice.value;
  useEffect(() => {
    if (text === null) return;
    const t = setTimeout(() => { notice.value = null; }, SHOWN_FOR);
    return () => clearTimeout(t);
  }, [text]);
  if (text === null) return null;
  return (
    <div class="panel notice" role="alert">
      <span>{text}</span>
      <button class="icon" aria-label="Dismiss" onClick={() => { notice.value = null; }}><Icon name="close" size={14} /></button>
    </div>
  );
}

/** The server wants to know who asks. */
export function TokenPrompt() {
  const [token, set] = useState('');
  if (!needsToken.value) return null;
  return (
    <form class="panel token" onSubmit={e => { e.preventDefault(); setToken(token.trim()); location.reload(); }}>
      <label for="token">This server asks for a token</label>
      <input id="token" type="password" autocomplete="current-password" value={token} onInput={e => set(e.currentTarget.value)} />
      <button class="act" type="submit">Continue</button>
    </form>
  );
}
