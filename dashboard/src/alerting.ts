// Alerts between the server, the map and the panel: what stands, who takes care of it, what is silenced.
import { ApiError, type Api } from './data/api';
import { placeOf, type Alert, type Alerts } from './data/alerts';
import { alertsKnown, alertsShown, alertsVersion, alertVoice } from './state';

export interface Places {
  isFence(id: string): boolean;
  isDevice(id: string): boolean;
  toDevice(id: string): Promise<boolean>;
  toFence(id: string): void;
  toCell(cell: string, at: [lon: number, lat: number]): void;
}

const SILENCES_EVERY = 5000;

export class Alerting {
  constructor(private readonly api: Api, private readonly alerts: Alerts, private readonly places: Places) {}

  /** False when the server has no alerts to offer. */
  async load(): Promise<boolean> {
    try {
      this.alerts.replace(await this.api.alerts());
    } catch (e) {
      if (!(e instanceof ApiError)) console.warn('alerts:', e);
      return false;
    }
    alertsKnown.value = true;
    alertsShown.value = matchMedia('(min-width: 1101px)').matches && this.alerts.list().length > 0;
    this.changed();
    setInterval(() => void this.refresh(), SILENCES_EVERY);
    return true;
  }

  heard(alerts: readonly Alert[], all: boolean): void {
    if (all) this.alerts.replace(alerts);
    else for (const a of alerts) if (this.alerts.step(a)) alertVoice.value = `${a.severity} alert: ${a.alert} ${a.key}`;
    this.changed();
  }

  /** Each gives the server's reason when it refuses. */
  acknowledge(a: Alert): Promise<string | null> {
    return this.attempt(async () => { await this.api.acknowledge(a.id); });
  }

  silence(a: Alert, lasting: string): Promise<string | null> {
    return this.attempt(async () => {
      await this.api.silence([{ name: 'alert', value: a.alert }, ...(a.key ? [{ name: 'key', value: a.key }] : [])], lasting);
      await this.refresh();
    });
  }

  unsilence(a: Alert): Promise<string | null> {
    return this.attempt(async () => {
      for (const id of a.silences) await this.api.endSilence(id);
      await this.refresh();
    });
  }

  /** Shows where an alert is; gives why that is not known. */
  async goTo(a: Alert): Promise<string | null> {
    const place = placeOf(a.key, this.places.isFence, this.places.isDevice);
    switch (place?.kind) {
      case 'cell': this.places.toCell(place.cell, place.at); return null;
      case 'fence': this.places.toFence(place.id); return null;
      case 'device': return (await this.places.toDevice(place.id)) ? null : `${a.key} has no place on the map`;
      default: return 'It is about no one place';
    }
  }

  private async refresh(): Promise<void> {
    try {
      if (this.alerts.silenced(await this.api.alerts())) this.changed();
    } catch (e) {
      if (!(e instanceof ApiError)) return; // the connection's state is shown already
      console.warn('alerts:', e);
    }
  }

  private async attempt(act: () => Promise<void>): Promise<string | null> {
    try {
      await act();
      return null;
    } catch (e) {
      return e instanceof Error ? e.message : String(e);
    }
  }

  private changed(): void {
    alertsVersion.value++;
  }
}
