// Fences between the server, the map and the panels: loads, saves, takes back, and passes on what happens at them.
import { ApiError, type Api } from './data/api';
import { close, complaint, editDraft, newDraft, removeActive, undo, type Draft } from './data/draft';
import { newId, type FenceEvent, type Fences } from './data/fences';
import type { Frame } from './data/frame';
import { geometryOf } from './data/shape';
import type { LiveMap } from './map/livemap';
import { draft, fencesKnown, fencesVersion, notice, picked } from './state';

const TOGETHER = 250; // ms in which changes by others are gathered
const ONE_BY_ONE = 20; // more changed fences than this are fetched as one list

export class Fencing {
  private stale = new Set<string>();
  private timer = 0;

  constructor(private readonly api: Api, private readonly fences: Fences, private readonly map: () => LiveMap | null) {}

  /** False when the server has no fences to offer. */
  async load(): Promise<boolean> {
    try {
      this.fences.replace(await this.api.fences());
    } catch (e) {
      if (!(e instanceof ApiError)) console.warn('fences:', e);
      return false;
    }
    fencesKnown.value = true;
    this.changed();
    return true;
  }

  heard(events: readonly FenceEvent[], all: boolean): void {
    if (all) this.fences.recall(events);
    else for (const e of events) if (this.fences.event(e)) this.map()?.flash(e);
    this.changed();
  }

  counted(frame: Frame): void {
    for (const id of this.fences.occupancy(frame)) this.stale.add(id);
    if (this.stale.size && !this.timer) this.timer = window.setTimeout(() => void this.refetch(), TOGETHER);
    this.changed();
  }

  begin(): void {
    picked.value = null;
    draft.value = newDraft();
    this.map()?.base.getCanvas().focus(); // Enter and Esc then belong to the drawing
  }

  edit(id: string): void {
    const f = this.fences.all.get(id);
    if (!f) return;
    picked.value = null;
    draft.value = editDraft(f);
    this.map()?.base.getCanvas().focus();
  }

  cancel(): void {
    const id = draft.value?.id;
    draft.value = null;
    if (id) picked.value = { kind: 'fence', id };
  }

  step(change: (d: Draft) => Draft): void {
    if (draft.value && !draft.value.busy) draft.value = change(draft.value);
  }

  readonly undo = (): void => this.step(undo);
  readonly close = (): void => this.step(close);
  readonly removeVertex = (): void => this.step(removeActive);

  /** Puts the draft on the server. `over` also when somebody else changed the fence meanwhile. */
  async save(over = false): Promise<void> {
    const d = draft.value;
    if (!d || d.busy) return;
    const wrong = complaint(d.properties);
    if (wrong) {
      draft.value = { ...d, error: wrong };
      return;
    }
    const id = d.id ?? newId(String(d.properties.name), Math.random());
    draft.value = { ...d, busy: true, error: null, conflict: false };
    try {
      this.fences.put(await this.api.putFence({ type: 'Feature', id, geometry: geometryOf(d.shape), properties: d.properties }, over ? null : d.version));
      draft.value = null;
      picked.value = { kind: 'fence', id };
      this.changed();
    } catch (e) {
      const conflict = e instanceof ApiError && e.status === 412;
      draft.value = { ...d, error: words(e), conflict };
    }
  }

  /** Throws the edit away for what the server has. */
  async reload(): Promise<void> {
    const id = draft.value?.id;
    if (!id) return;
    try {
      await this.fetch([id]);
    } catch (e) {
      this.step(d => ({ ...d, error: words(e) }));
      return;
    }
    const f = this.fences.all.get(id);
    draft.value = f ? editDraft(f) : null;
    if (!f) notice.value = `Fence ${id} was deleted by somebody else`;
  }

  /** Gives the server's reason when it refuses. */
  async remove(id: string): Promise<string | null> {
    try {
      await this.api.deleteFence(id);
    } catch (e) {
      if (!(e instanceof ApiError && e.status === 404)) return words(e);
    }
    this.fences.remove(id);
    if (picked.value?.kind === 'fence' && picked.value.id === id) picked.value = null;
    this.changed();
    return null;
  }

  async import(file: File): Promise<void> {
    try {
      await this.api.importFences(await file.text());
      await this.load();
    } catch (e) {
      notice.value = `${file.name}: ${words(e)}`;
    }
  }

  async export(): Promise<void> {
    try {
      const link = document.createElement('a');
      link.href = URL.createObjectURL(new Blob([JSON.stringify(await this.api.fences())], { type: 'application/geo+json' }));
      link.download = 'fences.geojson';
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    } catch (e) {
      notice.value = `Export: ${words(e)}`;
    }
  }

  private async refetch(): Promise<void> {
    const ids = [...this.stale];
    this.stale.clear();
    try {
      await this.fetch(ids);
    } catch (e) {
      console.warn('fences:', e);
    }
    this.timer = 0;
    this.changed();
  }

  private async fetch(ids: readonly string[]): Promise<void> {
    if (ids.length > ONE_BY_ONE) return this.fences.replace(await this.api.fences());
    for (const id of ids) {
      try {
        this.fences.put(await this.api.fence(id));
      } catch (e) {
        if (!(e instanceof ApiError && e.status === 404)) throw e;
        this.fences.remove(id);
      }
    }
  }

  private changed(): void {
    fencesVersion.value++;
  }
}

const words = (e: unknown): string => (e instanceof Error ? e.message : String(e));
