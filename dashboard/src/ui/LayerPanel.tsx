import { useState } from 'preact/hooks';
import { cellColumn, numericColumns } from '../data/api';
import { gradient, HEAT_GRADIENT, SPEED, SPEED_STOPS } from '../data/colours';
import { Shape } from '../data/fleet';
import { format } from '../data/format';
import { config, counts, fencesKnown, fencesShown, heatChoice, heatDomain, heatShown, shown, theme, toggleStream, vehicleStream, views } from '../state';
import { Icon, Mark } from './icons';

export function LayerPanel() {
  const [open, setOpen] = useState(() => matchMedia('(min-width: 761px)').matches);
  return (
    <section class={open ? 'panel layers open' : 'panel layers'} aria-label="Layers and legend">
      <button class="handle" aria-expanded={open} aria-controls="layers" onClick={() => setOpen(!open)}>
        <Icon name="layers" size={16} /><span>Layers</span>
      </button>
      <div id="layers" hidden={!open}>
        {config.value?.position_streams.map(s => <StreamSwitch key={s} name={s} />)}
        {heatChoice.value && <HeatSwitch />}
        {fencesKnown.value && <FenceSwitch />}
        {vehicleStream.value && shown.value.has(vehicleStream.value) && <SpeedLegend />}
        {heatChoice.value && heatShown.value && <HeatLegend />}
      </div>
    </section>
  );
}

function StreamSwitch({ name }: { name: string }) {
  return (
    <label class="switch">
      <input type="checkbox" checked={shown.value.has(name)} onChange={() => toggleStream(name)} />
      <span>{name}</span><em>{(counts.value.inView.get(name) ?? 0).toLocaleString('en')}</em>
      {name === vehicleStream.value && <kbd aria-hidden="true">V</kbd>}
    </label>
  );
}

function HeatSwitch() {
  return (
    <label class="switch">
      <input type="checkbox" checked={heatShown.value} onChange={() => { heatShown.value = !heatShown.value; }} />
      <span>H3 cells</span><em data-testid="cells">{counts.value.cells.toLocaleString('en')}</em><kbd aria-hidden="true">H</kbd>
    </label>
  );
}

function FenceSwitch() {
  return (
    <label class="switch">
      <input type="checkbox" checked={fencesShown.value} onChange={() => { fencesShown.value = !fencesShown.value; }} />
      <span>fences</span><kbd aria-hidden="true">F</kbd>
    </label>
  );
}

function SpeedLegend() {
  return (
    <div class="legend" data-testid="legend-speed">
      <h2>Speed, km/h</h2>
      <div class="bar" style={{ background: gradient(SPEED[theme.value]) }} />
      <div class="ticks">{SPEED_STOPS.map((v, i) => <span key={v}>{v}{i === SPEED_STOPS.length - 1 ? '+' : ''}</span>)}</div>
      <div class="shapes">
        <span><Mark shape={Shape.moving} />moving</span><span><Mark shape={Shape.idle} />idle</span><span><Mark shape={Shape.stale} />stale</span>
        {(config.value?.position_streams.length ?? 0) > 1 && <span><Mark shape={Shape.sensor} />sensor</span>}
      </div>
    </div>
  );
}

function HeatLegend() {
  const choice = heatChoice.value!;
  const d = heatDomain.value;
  const withCells = views.value.filter(cellColumn);
  const view = withCells.find(v => v.name === choice.view);
  const choose = (name: string, value?: string): void => {
    const v = withCells.find(w => w.name === name);
    const cell = v && cellColumn(v), first = v && (value ?? numericColumns(v)[0]);
    if (cell && first) heatChoice.value = { view: name, cell, value: first };
  };
  return (
    <div class="legend" data-testid="legend-heat">
      <h2>Cell colour</h2>
      <div class="choice">
        <select aria-label="View shown by the cells" value={choice.view} onChange={e => choose(e.currentTarget.value)}>
          {(withCells.length ? withCells.map(v => v.name) : [choice.view]).map(n => <option key={n} value={n}>{n}</option>)}
        </select>
        <select aria-label="Value shown by the cells" value={choice.value} onChange={e => choose(choice.view, e.currentTarget.value)}>
          {(view ? numericColumns(view) : [choice.value]).map(n => <option key={n} value={n}>{n}</option>)}
        </select>
      </div>
      <div class="bar" style={{ background: HEAT_GRADIENT }} />
      <div class="ticks">{d ? [d[0], (d[0] + d[1]) / 2, d[1]].map((v, i) => <span key={i}>{format(v)}</span>) : <span>waiting for the first window</span>}</div>
    </div>
  );
}
