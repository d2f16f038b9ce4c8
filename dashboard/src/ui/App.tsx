import { useEffect, useRef } from 'preact/hooks';
import type { Session } from '../session';
import { connection } from '../state';
import { AlertsPanel, AlertVoice } from './AlertsPanel';
import { Card } from './Card';
import { ConnectionVoice, StaleBanner } from './Connection';
import { FenceEvents } from './FenceEvents';
import { FenceTools } from './FenceTools';
import { listenForKeys } from './keys';
import { LayerPanel } from './LayerPanel';
import { MapControls } from './MapControls';
import { Notice, TokenPrompt } from './Notice';
import { TopBar } from './TopBar';

export function App({ session }: { session: Session }) {
  const canvas = useRef<HTMLDivElement>(null);
  useEffect(() => {
    void session.begin(canvas.current!);
    return listenForKeys(session);
  }, [session]);
  const old = connection.value === 'stale' || connection.value === 'reconnecting';
  return (
    <div class={old ? 'app old' : 'app'}>
      <TopBar session={session} />
      <ConnectionVoice />
      <AlertVoice />
      <main aria-label="Live map">
        <div ref={canvas} class="canvas" />
        <StaleBanner session={session} />
        <LayerPanel />
        <AlertsPanel session={session} />
        <Card session={session} />
        <FenceEvents session={session} />
        <FenceTools session={session} />
        <MapControls session={session} />
        <Notice />
        <TokenPrompt />
        <p class="credit">Land: Natural Earth</p>
      </main>
    </div>
  );
}
