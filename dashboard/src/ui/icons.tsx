import { Shape } from '../data/fleet';

const PATHS = {
  search: 'M11 4a7 7 0 1 0 0 14a7 7 0 0 0 0-14M16 16l5 5',
  sun: 'M12 8a4 4 0 1 0 0 8a4 4 0 0 0 0-8M12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.4 1.4M17.6 17.6L19 19M5 19l1.4-1.4M17.6 6.4L19 5',
  layers: 'M12 3l9 5-9 5-9-5zM3 13l9 5 9-5',
  close: 'M6 6l12 12M18 6L6 18',
  plus: 'M12 5v14M5 12h14',
  minus: 'M5 12h14',
  home: 'M4 11l8-7 8 7M6 10v10h12V10',
  polygon: 'M5 5l13 2 2 8-9 5-7-6zM5 5v.01M18 7v.01M20 15v.01M11 20v.01M4 14v.01',
  list: 'M8 6h12M8 12h12M8 18h12M4 6h.01M4 12h.01M4 18h.01',
  up: 'M12 16V4M7 9l5-5 5 5M4 20h16',
  down: 'M12 4v12M7 11l5 5 5-5M4 20h16',
  bell: 'M6 17V11a6 6 0 0 1 12 0v6l1.5 2h-15zM10 21.5h4',
  target: 'M12 7a5 5 0 1 0 0 10a5 5 0 0 0 0-10M12 2v4M12 18v4M2 12h4M18 12h4',
} as const;

export function Icon({ name, size = 18 }: { name: keyof typeof PATHS; size?: number }) {
  return (
    <svg viewBox="0 0 24 24" width={size} height={size} fill="none" stroke="currentColor" stroke-width="1.8"
      stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d={PATHS[name]} /></svg>
  );
}

/** The mark of a device's state, in the map's shapes. */
export function Mark({ shape }: { shape: Shape }) {
  return (
    <svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true" class={`mark mark-${shape}`}>
      {shape === Shape.moving && <path d="M6 .5 10.5 11 6 8.6 1.5 11z" />}
      {shape === Shape.idle && <rect x="2.5" y="2.5" width="7" height="7" />}
      {shape === Shape.stale && <circle cx="6" cy="6" r="3.6" fill="none" stroke="currentColor" stroke-width="2" />}
      {shape === Shape.sensor && <circle cx="6" cy="6" r="3.4" />}
    </svg>
  );
}
