// Stands in for the core: the page's HTTP calls and live socket over a made-up town, with faults on request.
// `npm run fake` serves it for development; the page's browser tests start it in their own process.
import http from 'node:http';
import fs from 'node:fs/promises';
import path from 'node:path';
import { latLngToCell } from 'h3-js';
import { WebSocketServer } from 'ws';
import { basemap, at, CENTER, ROADS } from './city.mjs';
import { FakeAlerts } from './fake-alerts.mjs';
import { FakeFences } from './fake-fences.mjs';
import { encodeFrame } from './frames.mjs';

const DIST = path.join(import.meta.dirname, '..', 'dist');
const CSP = "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; connect-src 'self' data: blob:; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript', '.css': 'text/css', '.json': 'application/json', '.woff2': 'font/woff2' };
const WINDOW = 10_000, DISORDER = 2_000;

export async function startFake({ port = 0, vehicles = 600, json = false, basemap: hasMap = true, token = '' } = {}) {
  const town = makeTown(vehicles);
  const fences = new FakeFences(), alerts = new FakeAlerts();
  const fake = { fences, alerts, paused: false, refuse: false, extra: null, sql: [], clients: new Set(), url: '', town };
  const map = JSON.stringify(basemap());
  const config = {
    title: 'Testhaven', center: CENTER, zoom: 12.4, basemap: hasMap ? '/api/v1/basemap' : null, position_streams: ['vehicles', 'sensors'],
    heat: { view: 'cell_speed', cell: 'cell', value: 'avg_speed' }, version: 'test',
  };
  const viewColumns = [['cell', 'CELL'], ['n', 'BIGINT'], ['avg_speed', 'DOUBLE'], ['p95', 'DOUBLE'], ['window_start', 'TIMESTAMP'], ['window_end', 'TIMESTAMP'], ['revision', 'BIGINT'], ['final', 'BOOLEAN']]
    .map(([name, type]) => ({ name, type }));

  const answer = (res, code, body) => {
    res.writeHead(code, { 'Content-Type': 'application/json' });
    res.end(typeof body === 'string' ? body : JSON.stringify(body));
  };
  const server = http.createServer(async (req, res) => {
    const url = new URL(req.url, 'http://x');
    if (fake.refuse) return req.socket.destroy();
    if (url.pathname.startsWith('/api/') && token && req.headers.authorization !== `Bearer ${token}`) {
      return answer(res, 401, { error: { message: 'a token is needed' } });
    }
    if (/^\/api\/v1\/fences(\/|$)/.test(url.pathname)) return fences.answer(req, res, url);
    if (/^\/api\/v1\/(alerts|silences)(\/|$)/.test(url.pathname)) return alerts.answer(req, res, url);
    switch (url.pathname) {
      case '/api/v1/config': return answer(res, 200, config);
      case '/api/v1/basemap': return hasMap ? answer(res, 200, map) : answer(res, 404, { error: { message: 'no basemap' } });
      case '/api/v1/views': return answer(res, 200, { views: [{ name: 'cell_speed', stream: 'vehicles', sql: '', columns: viewColumns, window_s: 10 }] });
      case '/api/v1/streams': return answer(res, 200, { streams: [{ name: 'vehicles', key: 'device', columns: [] }, { name: 'sensors', key: 'device', columns: [] }] });
      case '/api/v1/sql': {
        let body = '';
        for await (const c of req) body += c;
        const { sql } = JSON.parse(body);
        fake.sql.push(sql);
        return answerSql(sql, town, (code, b) => answer(res, code, b), viewColumns);
      }
      default: {
        const file = path.join(DIST, path.normalize(url.pathname === '/' ? '/index.html' : url.pathname));
        const bytes = file.startsWith(DIST) ? await fs.readFile(file).catch(() => null) : null;
        if (!bytes) return answer(res, 404, { error: { message: 'not found' } });
        res.writeHead(200, { 'Content-Type': TYPES[path.extname(file)] ?? 'application/octet-stream', 'Content-Security-Policy': CSP });
        res.end(bytes);
      }
    }
  });

  const sockets = new WebSocketServer({ noServer: true });
  server.on('upgrade', (req, socket, head) => {
    const url = new URL(req.url, 'http://x');
    if (fake.refuse || (token && url.searchParams.get('token') !== token)) return socket.destroy();
    sockets.handleUpgrade(req, socket, head, ws => {
      const client = { ws, topics: new Set(), bbox: null, binary: false, said: [] };
      fake.clients.add(client);
      ws.on('close', () => fake.clients.delete(client));
      ws.on('message', m => {
        const say = JSON.parse(String(m));
        client.said.push(say);
        if (say.bbox) client.bbox = say.bbox;
        if (say.encoding) client.binary = say.encoding === 'binary' && !json;
        if (say.action === 'subscribe') {
          for (const t of say.topics) client.topics.add(t);
          if (!fake.paused) send(client, 'snapshot', say.topics);
        }
        if (say.action === 'unsubscribe') for (const t of say.topics) client.topics.delete(t);
      });
    });
  });

  let seq = 0;
  const send = (client, type, topics = [...client.topics]) => {
    const now = Date.now(), watermark = now - DISORDER, out = [];
    for (const topic of topics) {
      if (topic.startsWith('status')) continue;
      if (topic === 'alerts:*') {
        if (type === 'snapshot') client.ws.send(JSON.stringify({ topic, type, seq: ++seq, rows: [...alerts.all.values()], watermark: null }));
        continue;
      }
      if (topic === 'fences:*') {
        if (type === 'snapshot') client.ws.send(JSON.stringify({ topic, type, seq: ++seq, rows: fences.recent }));
        continue;
      }
      const t = topic === 'inside:fences' ? fences.table(type === 'snapshot') : topic === 'view:cell_speed' ? town.cellTable() : topic === 'positions:sensors' ? town.sensorTable() : topic === 'positions:vehicles' ? town.vehicleTable(client.bbox) : null;
      if (!t) continue;
      if (client.binary) out.push(encodeFrame(topic, type, ++seq, watermark, t.rows, t.columns));
      else {
        const rows = Array.from({ length: t.rows }, (_, i) => Object.fromEntries(t.columns.map(([n, , v]) => [n, /^(ts|window_)/.test(n) ? new Date(v[i]).toISOString() : v[i]])));
        client.ws.send(JSON.stringify({ topic, type, seq: ++seq, watermark: new Date(watermark).toISOString(), [/^(view|inside)/.test(topic) ? 'rows' : 'positions']: rows }));
      }
    }
    if (fake.extra) out.push(fake.extra);
    if (out.length) client.ws.send(Buffer.concat(out));
  };
  let total = 0;
  const timer = setInterval(() => {
    if (fake.paused) return;
    town.step(1);
    total += vehicles;
    for (const c of fake.clients) {
      send(c, 'update');
      c.ws.send(JSON.stringify({ topic: 'status:core', type: 'update', seq: ++seq, watermark: new Date(Date.now() - DISORDER).toISOString(), status: {
        readings_total: total, readings_per_s: vehicles, batches_total: 1, bytes_total: 1, bytes_per_reading: 12.3, edges: 1,
        viewers: fake.clients.size, watermark: null, event_lag_ms: DISORDER, devices: vehicles + 12,
      } }));
    }
  }, 1000);

  await new Promise(r => server.listen(port, '127.0.0.1', r));
  fake.url = `http://127.0.0.1:${server.address().port}`;
  fake.drop = () => { for (const c of fake.clients) c.ws.terminate(); };
  fake.say = text => { for (const c of fake.clients) c.ws.send(text); };
  fake.event = event => fake.say(JSON.stringify({ topic: 'fences:*', type: 'update', seq: ++seq, event, watermark: null }));
  alerts.told = alert => fake.say(JSON.stringify({ topic: 'alerts:*', type: 'update', seq: ++seq, alert, watermark: null }));
  fake.stop = () => { clearInterval(timer); fake.drop(); server.close(); server.closeAllConnections(); };
  return fake;
}

function makeTown(n) {
  let s = 42;
  const random = () => ((s = (Math.imul(s, 1664525) + 1013904223) >>> 0) / 4294967296);
  const all = Array.from({ length: n }, (_, i) => ({ id: `bus-${String(i).padStart(4, '0')}`, road: ROADS[(random() * ROADS.length) | 0], d: random(), dir: random() < 0.5 ? 1 : -1, v: random() < 0.2 ? 0 : 8 + random() ** 2 * 75, ts: Date.now() }));
  const sensors = Array.from({ length: 12 }, (_, i) => ({ id: `air-${i}`, at: at((random() - 0.5) * 8, (random() - 0.5) * 6) }));
  const cells = new Map();
  const town = {
    all,
    step(dt) {
      for (const v of all) {
        const km = v.road.points.length * 0.3;
        v.d += (v.dir * v.v * dt) / 3600 / km;
        if (v.d < 0 || v.d > 0.999) { v.dir = -v.dir; v.d = Math.min(0.999, Math.max(0, v.d)); }
        v.ts = Date.now();
        place(v);
        const cell = latLngToCell(v.lat, v.lon, 9), start = v.ts - (v.ts % WINDOW);
        const windows = cells.get(cell) ?? cells.set(cell, []).get(cell);
        let w = windows.at(-1);
        if (!w || w.start !== start) windows.push((w = { start, n: 0, sum: 0 }));
        if (windows.length > 20) windows.shift();
        w.n++;
        w.sum += v.v;
      }
    },
    vehicleTable(b) {
      const rows = all.filter(v => !b || (v.lon >= b[0] && v.lon <= b[2] && v.lat >= b[1] && v.lat <= b[3]));
      return { rows: rows.length, columns: [['id', 'string', rows.map(v => v.id)], ['lat', 'f64', rows.map(v => v.lat)], ['lon', 'f64', rows.map(v => v.lon)], ['speed_kmh', 'f32', rows.map(v => v.v)], ['heading', 'f32', rows.map(v => v.heading)], ['ts', 'f64', rows.map(v => v.ts)]] };
    },
    sensorTable() {
      return { rows: sensors.length, columns: [['id', 'string', sensors.map(v => v.id)], ['lat', 'f64', sensors.map(v => v.at[1])], ['lon', 'f64', sensors.map(v => v.at[0])], ['speed_kmh', 'f32', sensors.map(() => NaN)], ['heading', 'f32', sensors.map(() => NaN)], ['ts', 'f64', sensors.map(() => Date.now())]] };
    },
    cellTable() {
      const rows = [...cells].map(([cell, ws]) => ({ cell, ...ws.at(-1) }));
      return { rows: rows.length, columns: [['cell', 'cell', rows.map(r => r.cell)], ['n', 'f64', rows.map(r => r.n)], ['avg_speed', 'f64', rows.map(r => r.sum / r.n)], ['window_start', 'f64', rows.map(r => r.start)], ['window_end', 'f64', rows.map(r => r.start + WINDOW)], ['revision', 'f64', rows.map(() => 0)], ['final', 'bool', rows.map(() => false)]] };
    },
    windowsOf: cell => cells.get(cell) ?? [],
  };
  town.step(0);
  return town;
}

function place(v) {
  const p = v.road.points, x = v.d * (p.length - 1), i = Math.min(p.length - 2, x | 0), f = x - i;
  const [a, b] = [p[i], p[i + 1]];
  [v.lon, v.lat] = at(a[0] + (b[0] - a[0]) * f, a[1] + (b[1] - a[1]) * f);
  v.heading = (Math.atan2((b[0] - a[0]) * v.dir, (b[1] - a[1]) * v.dir) * 57.29578 + 360) % 360;
}

function answerSql(sql, town, answer, viewColumns) {
  const column = (name, type) => ({ name, type });
  const device = /FROM vehicles WHERE device = '(.*)'/.exec(sql)?.[1];
  const cell = /FROM cell_speed WHERE cell = '([0-9a-f]+)'/.exec(sql)?.[1];
  if (device !== undefined) {
    const v = town.all.find(w => w.id === device);
    return answer(200, { columns: [column('device', 'STRING'), column('ts', 'TIMESTAMP'), column('lat', 'DOUBLE'), column('lon', 'DOUBLE'), column('speed', 'DOUBLE'), column('heading', 'DOUBLE')],
      rows: v ? [[v.id, new Date(v.ts).toISOString(), v.lat, v.lon, v.v, v.heading]] : [], watermark: null });
  }
  if (cell !== undefined) {
    const rows = town.windowsOf(cell).slice(-12).reverse().map(w => [cell, w.n, w.sum / w.n, w.sum / w.n + 4, new Date(w.start).toISOString(), new Date(w.start + WINDOW).toISOString(), 0, w.start + WINDOW < Date.now() - DISORDER]);
    return answer(200, { columns: viewColumns, rows, watermark: null });
  }
  return /FROM sensors/.test(sql) ? answer(200, { columns: [], rows: [], watermark: null }) : answer(400, { error: { message: `cannot run ${sql}` } });
}

if (process.argv[1] === import.meta.filename) {
  const fake = await startFake({ port: Number(process.env.PORT ?? 8099), vehicles: Number(process.env.VEHICLES ?? 600) });
  console.log(`fake hexpane at ${fake.url}`);
}
