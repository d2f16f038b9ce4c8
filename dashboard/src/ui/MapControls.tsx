import type { Session } from '../session';
import { config } from '../state';
import { Icon } from './icons';

export function MapControls({ session }: { session: Session }) {
  const home = (): void => {
    const c = config.value;
    if (c) session.map?.base.jumpTo({ center: c.center, zoom: c.zoom });
  };
  return (
    <div class="panel zoom" role="group" aria-label="Map">
      <button class="icon" aria-label="Zoom in" onClick={() => session.map?.base.zoomIn()}><Icon name="plus" /></button>
      <button class="icon" aria-label="Zoom out" onClick={() => session.map?.base.zoomOut()}><Icon name="minus" /></button>
      <button class="icon" aria-label="Back to the start" onClick={home}><Icon name="home" /></button>
    </div>
  );
}
