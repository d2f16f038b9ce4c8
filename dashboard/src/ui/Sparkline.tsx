const W = 260, H = 44, PAD = 3;

export function Sparkline({ values, label }: { values: readonly number[]; label: string }) {
  const low = Math.min(...values), high = Math.max(...values);
  const y = (v: number): number => (high === low ? H / 2 : H - PAD - ((v - low) / (high - low)) * (H - 2 * PAD));
  const x = (i: number): number => PAD + (i / (values.length - 1)) * (W - 2 * PAD);
  const points = values.map((v, i) => `${x(i).toFixed(1)},${y(v).toFixed(1)}`).join(' ');
  return (
    <svg class="spark" viewBox={`0 0 ${W} ${H}`} role="img" aria-label={label} preserveAspectRatio="none">
      <polyline points={points} fill="none" stroke="currentColor" stroke-width="1.8" vector-effect="non-scaling-stroke" />
      <circle cx={x(values.length - 1)} cy={y(values.at(-1)!)} r="2.6" fill="currentColor" />
    </svg>
  );
}
