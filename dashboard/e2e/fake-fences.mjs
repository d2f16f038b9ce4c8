// The fences of the fake server: kept in memory, with versions, refusals and counts set by the tests.
export class FakeFences {
  all = new Map();
  counts = new Map();
  devices = new Map();
  recent = [];
  puts = [];
  refuse = null;
  offered = true;
  version = 0;

  /** Stores a fence as if another operator had. */
  put(id, properties, geometry) {
    const had = this.all.has(id);
    this.all.set(id, { type: 'Feature', id, geometry, properties, version: ++this.version });
    return had;
  }

  feature = f => ({ type: 'Feature', id: f.id, geometry: f.geometry, properties: { ...f.properties, version: f.version, inside: this.counts.get(f.id) ?? 0 } });

  table() {
    const rows = [...this.all.values()];
    return { rows: rows.length, columns: [['fence', 'string', rows.map(f => f.id)], ['inside', 'f64', rows.map(f => this.counts.get(f.id) ?? 0)], ['version', 'f64', rows.map(f => f.version)]] };
  }

  async answer(req, res, url) {
    const say = (code, body, headers = {}) => {
      res.writeHead(code, { 'Content-Type': 'application/json', ...headers });
      res.end(body === undefined ? undefined : JSON.stringify(body));
    };
    const error = (code, message) => say(code, { error: { message } });
    if (!this.offered) return error(404, 'no such address');
    const [, , , , id, part] = url.pathname.split('/').map(decodeURIComponent);
    let text = '';
    for await (const c of req) text += c;
    const body = text ? JSON.parse(text) : null;
    if (!id) {
      if (req.method === 'POST') for (const f of body.features) this.put(f.id, f.properties, f.geometry);
      return say(200, { type: 'FeatureCollection', features: [...this.all.values()].map(this.feature) });
    }
    const known = this.all.get(id);
    if (part === 'inside') return say(200, { fence: id, count: this.counts.get(id) ?? 0, devices: this.devices.get(id) ?? [] });
    if (req.method === 'PUT') {
      this.puts.push({ id, body, ifMatch: req.headers['if-match'] });
      if (this.refuse) return error(400, this.refuse);
      if (req.headers['if-match'] && req.headers['if-match'] !== `"${known?.version}"`) return error(412, 'it changed meanwhile');
      this.put(id, body.properties, body.geometry);
      return say(known ? 200 : 201, this.feature(this.all.get(id)), { ETag: `"${this.version}"` });
    }
    if (!known) return error(404, `no fence ${id}`);
    if (req.method === 'DELETE') {
      if (this.refuse) return error(409, this.refuse);
      this.all.delete(id);
      return say(204);
    }
    return say(200, this.feature(known));
  }
}
