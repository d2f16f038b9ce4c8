// The alerts of the fake server: kept in memory, with acknowledgements, silences and refusals.
export class FakeAlerts {
  all = new Map();
  silences = [];
  acks = [];
  refuse = null;
  offered = true;
  told = () => {};

  /** A step of an alert, told to who listens. */
  step(id, a) {
    const now = { ...(this.all.get(id) ?? { alert: 'jam', severity: 'warning', condition: 'avg_speed < 10', since: new Date().toISOString(), value: 4, acknowledged_by: null }), ...a, id };
    if (now.state === 'resolved') this.all.delete(id);
    else this.all.set(id, now);
    this.told(now);
  }

  list = () => [...this.all.values()].map(a => {
    const ids = this.silences.filter(s => s.matchers.every(m => a[m.name] === m.value)).map(s => s.id);
    return ids.length ? { ...a, silenced_by: ids } : a;
  });

  async answer(req, res, url) {
    const say = (code, body) => {
      res.writeHead(code, { 'Content-Type': 'application/json' });
      res.end(body === undefined ? undefined : JSON.stringify(body));
    };
    if (!this.offered) return say(404, { error: { message: 'no such address' } });
    if (this.refuse && req.method !== 'GET') return say(400, { error: { message: this.refuse } });
    const [, , , kind, id] = url.pathname.split('/').map(decodeURIComponent);
    let text = '';
    for await (const c of req) text += c;
    const body = text ? JSON.parse(text) : null;
    if (kind === 'alerts' && req.method === 'POST') {
      this.acks.push(id);
      this.step(id, { state: 'acknowledged', acknowledged_by: 'operator' });
      return say(200, this.all.get(id));
    }
    if (kind === 'alerts') return say(200, { alerts: this.list(), rules: [], channels: [] });
    if (req.method === 'POST') {
      this.silences.push({ id: `s${this.silences.length}`, ...body });
      return say(201, this.silences.at(-1));
    }
    this.silences = this.silences.filter(s => s.id !== id);
    return say(204);
  }
}
