import { useRef, useState } from 'preact/hooks';
import type { Session } from '../session';
import { notice } from '../state';
import { Icon } from './icons';

const MOST = 8;

/** Finds a device by its id; also the way to open one without a mouse. */
export function Search({ session }: { session: Session }) {
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState('');
  const [at, setAt] = useState(-1);
  const found = text ? session.search(text, MOST) : [];
  const open = found.length > 0;

  const go = async (id: string): Promise<void> => {
    setText('');
    setAt(-1);
    input.current?.blur();
    if (!(await session.goTo(id))) notice.value = `No device “${id}” is known`;
  };
  const key = (e: KeyboardEvent): void => {
    if (e.key === 'ArrowDown' || e.key === 'ArrowUp') {
      e.preventDefault();
      setAt(Math.min(found.length - 1, Math.max(-1, at + (e.key === 'ArrowDown' ? 1 : -1))));
    } else if (e.key === 'Enter') {
      const typed = (input.current?.value ?? '').trim(); // text may be a keystroke behind
      if (typed) void go(found[at] ?? session.search(typed, MOST)[0] ?? typed);
    } else if (e.key === 'Escape') {
      setText('');
      input.current?.blur();
      e.stopPropagation();
    }
  };
  return (
    <div class="search">
      <Icon name="search" size={16} />
      <input ref={input} id="search" type="text" role="combobox" aria-label="Find a device by its id" placeholder="Find a device" autocomplete="off"
        spellcheck={false} aria-expanded={open} aria-controls="found" aria-autocomplete="list" aria-activedescendant={open && at >= 0 ? `found-${at}` : undefined}
        value={text} onInput={e => { setText(e.currentTarget.value); setAt(-1); }} onKeyDown={key} onBlur={() => setTimeout(() => { if (document.activeElement !== input.current) setText(''); }, 150)} />
      <kbd aria-hidden="true">/</kbd>
      <ul id="found" role="listbox" aria-label="Devices found" hidden={!open}>
        {found.map((id, i) => (
          <li key={id} id={`found-${i}`} role="option" aria-selected={i === at} class={i === at ? 'on' : ''} onMouseDown={e => { e.preventDefault(); void go(id); }}>{id}</li>
        ))}
      </ul>
    </div>
  );
}
