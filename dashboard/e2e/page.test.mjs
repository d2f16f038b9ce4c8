// The built page in a real browser against the fake server, which can misbehave on request.
// Needs `npm run build` first; needs no Go.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { axe, hook, launch, open, ready, shot } from './browser.mjs';
import { startFake } from './fake-server.mjs';
import { encodeFrame } from './frames.mjs';

let browser, fake, page;

before(async () => { browser = await launch(); });
after(async () => { await browser?.close(); });
afterEach(async () => {
  const faults = page?.faults ?? [];
  await page?.context().close();
  fake?.stop();
  page = fake = undefined;
  assert.deepEqual(faults, [], 'no page error, no request to the outside, nothing the CSP refused');
});

async function start(options = {}, view = {}, query = 'test=1') {
  fake = await startFake({ vehicles: 300, ...options });
  page = await open(browser, `${fake.url}/?${query}`, view);
}
const state = want => page.waitForFunction(w => window.__hexpane.connection() === w, want, { timeout: 30_000, polling: 100 });
const pill = () => page.locator('[data-testid=connection]').innerText();

/** A point of the screen with nothing of the panels over it, where a vehicle is drawn. */
const vehicleOnScreen = () => page.evaluate(() => {
  const { map, session } = window.__hexpane;
  const fleet = session.fleets.get('vehicles');
  for (let i = 0; i < fleet.n; i++) {
    const p = map.project([fleet.at[2 * i], fleet.at[2 * i + 1]]);
    const r = map.getContainer().getBoundingClientRect();
    const x = p.x + r.x, y = p.y + r.y;
    const free = x > 300 && x < r.width - 340 && y > 150 && y < r.height - 60;
    if (free && fleet.speed[i] === 0 && document.elementFromPoint(x, y)?.tagName === 'CANVAS') return { id: fleet.ids[i], x, y };
  }
  return null;
});

test('shows vehicles and cells, its numbers and Live', async () => {
  await start();
  await ready(page);
  await page.waitForFunction(() => window.__hexpane.cells() > 50, null, { timeout: 20_000 });
  await state('live');
  assert.ok(await hook(page, 'vehicles()') > 150);
  assert.ok(await hook(page, 'ageMs()') < 5000);
  assert.match(await pill(), /Live.*data .* old/s);
  for (const [id, want] of [['rate', /300/], ['edges', /^1/], ['viewers', /^1/], ['lag', /\d s/], ['vehicles', /\d/]]) {
    assert.match(await page.locator(`[data-testid=stat-${id}] dd`).innerText(), want, id);
  }
  const frames = await hook(page, 'frames');
  assert.ok(frames.some(f => f.topic === 'positions:vehicles' && Math.abs(f.receivedAt - f.maxTs) < 5000));
  await shot(page, 'dark');
});

test('vehicles move between reports, and stand still when motion is not wanted', async () => {
  await start({}, { viewport: { width: 420, height: 320 } }); // small, since software rendering is slow
  await ready(page);
  const samples = () => page.evaluate(async () => {
    const fleet = window.__hexpane.session.fleets.get('vehicles');
    const i = [...fleet.speed.subarray(0, fleet.n)].findIndex(v => v > 30);
    const id = fleet.ids[i], seen = new Set();
    const reports = new Set();
    for (const end = performance.now() + 3000; performance.now() < end;) {
      await new Promise(r => setTimeout(r, 20));
      seen.add(fleet.at[2 * fleet.find(id)] + fleet.at[2 * fleet.find(id) + 1]);
      reports.add(fleet.state(id).ts);
    }
    return { drawn: seen.size, reports: reports.size };
  });
  const moving = await samples();
  assert.ok(moving.drawn > moving.reports + 2, `${moving.drawn} places drawn for ${moving.reports} reports`);
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await page.waitForTimeout(2500);
  const still = await samples();
  assert.ok(still.drawn <= still.reports + 1, `${still.drawn} places drawn for ${still.reports} reports`);
});

test('a click on a vehicle shows its latest values; Esc closes', async () => {
  await start();
  await ready(page);
  const v = await vehicleOnScreen();
  assert.ok(v);
  await page.mouse.click(v.x, v.y);
  const card = page.locator('[data-testid=card]');
  await card.waitFor({ timeout: 10_000 });
  const id = (await card.locator('h2').innerText()).trim();
  assert.match(id, /^bus-\d+$/);
  await card.locator('tbody tr').first().waitFor({ timeout: 10_000 });
  assert.ok(fake.sql.includes(`SELECT * FROM vehicles WHERE device = '${id}'`), fake.sql.join());
  await shot(page, 'vehicle');
  assert.deepEqual(await axe(page), []);
  await page.keyboard.press('Escape');
  await card.waitFor({ state: 'detached' });
});

test('a click on a cell shows its windows', async () => {
  await start();
  await ready(page);
  await page.keyboard.press('v');
  await page.waitForFunction(() => window.__hexpane.cells() > 50 && !window.__hexpane.drawn('stream:vehicles') && window.__hexpane.drawn('heat'), null,
    { timeout: 20_000, polling: 100 });
  const at = await page.evaluate(() => {
    const { map, session } = window.__hexpane;
    const r = map.getContainer().getBoundingClientRect();
    const fleet = session.fleets.get('vehicles'); // where a vehicle stands there is a cell
    for (let i = 0; i < fleet.n; i++) {
      const p = map.project([fleet.at[2 * i], fleet.at[2 * i + 1]]);
      if (fleet.speed[i] === 0 && p.x > 300 && p.x < r.width - 340 && p.y > 150 && p.y < r.height - 60) return { x: p.x + r.x, y: p.y + r.y };
    }
  });
  await page.mouse.click(at.x, at.y);
  const card = page.locator('[data-testid=card]');
  await card.locator('tbody tr').first().waitFor({ timeout: 10_000 });
  assert.match(await card.locator('h2').innerText(), /^89[0-9a-f]{13}$/);
  assert.ok(fake.sql.some(s => /^SELECT \* FROM cell_speed WHERE cell = '89[0-9a-f]{13}' ORDER BY window_start DESC LIMIT 12$/.test(s)));
  await page.waitForTimeout(500);
  await shot(page, 'cell');
  assert.deepEqual(await axe(page), []);
});

test('a server that goes away: says so, tries again by itself, comes back', async () => {
  await start();
  await ready(page);
  await state('live');
  fake.refuse = true;
  fake.drop();
  await state('reconnecting');
  assert.match(await pill(), /Reconnecting/);
  assert.doesNotMatch(await pill(), /Live/);
  assert.match(await page.locator('[data-testid=banner]').innerText(), /stale/);
  assert.match(await page.locator('[role=status]').innerText(), /stale/);
  await page.waitForTimeout(3000);
  assert.ok(await hook(page, 'ageMs()') > 2500);
  await shot(page, 'reconnecting');
  assert.deepEqual(await axe(page), []);
  fake.refuse = false;
  await state('live');
  await page.waitForFunction(() => !document.querySelector('[data-testid=banner]'));
  assert.match(await pill(), /Live/);
  const [client] = fake.clients;
  assert.deepEqual(new Set(client.said[0].topics), new Set(['positions:vehicles', 'positions:sensors', 'view:cell_speed', 'status:*', 'alerts:*', 'fences:*', 'inside:fences']));
  assert.equal(client.said[0].encoding, 'binary');
  assert.equal(client.said[0].bbox.length, 4);
});

test('a server that falls silent: stale though connected, never Live', async () => {
  await start();
  await ready(page);
  await state('live');
  fake.paused = true;
  await state('stale');
  assert.match(await pill(), /Stale/);
  assert.match(await page.locator('[data-testid=banner]').innerText(), /Data is stale: the last came at/);
  await shot(page, 'stale');
  // A snapshot of what was known before is no news.
  await page.waitForTimeout(9000);
  assert.notEqual(await hook(page, 'connection()'), 'live');
  fake.paused = false;
  await state('live');
});

test('odd frames and messages do not break the page', async () => {
  await start();
  await ready(page);
  fake.extra = Buffer.concat([
    encodeFrame('positions:vehicles', 'update', 1, 0, 1, [['id', 'string', ['x']], ['new', 'other', ['y']]]),
    encodeFrame('positions:vehicles', 'update', 1, 0, 1, [['id', 'string', ['x']]], 9),
    encodeFrame('weather:rain', 'update', 1, 0, 1, [['mm', 'f64', [1]]]),
    Buffer.from('garbage!'),
  ]);
  for (const text of ['', '{', '[]', '{"topic":"events:x","type":"later"}', '{"type":"error","message":"no topic fences:*"}']) fake.say(text);
  await page.getByText('no topic fences:*').waitFor({ timeout: 5000 });
  await page.waitForTimeout(2500);
  assert.equal(await hook(page, 'connection()'), 'live');
});

test('JSON instead of binary, and no basemap but the world', async () => {
  await start({ json: true, basemap: false });
  await ready(page);
  await page.waitForFunction(() => window.__hexpane.cells() > 50 && window.__hexpane.vehicles() > 100, null, { timeout: 20_000 });
  await state('live');
  await page.evaluate(() => window.__hexpane.map.jumpTo({ zoom: 2 }));
  await page.waitForTimeout(2500);
  await shot(page, 'world');
});

test('search, keys and the choice of value', async () => {
  await start();
  await ready(page);
  await page.keyboard.press('/');
  await page.locator('#search:focus').waitFor();
  await page.keyboard.type('bus-00', { delay: 20 });
  await page.locator('[role=option]').first().waitFor();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.locator('[data-testid=card]').waitFor();
  await page.keyboard.press('/');
  await page.locator('#search:focus').waitFor();
  await page.keyboard.type('nobody', { delay: 20 });
  await page.keyboard.press('Enter');
  await page.getByText('No device “nobody” is known').waitFor({ timeout: 20_000 });
  await page.keyboard.press('t');
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'light');
  await page.keyboard.press('h');
  assert.equal(await page.locator('[data-testid=legend-heat]').count(), 0);
  await page.keyboard.press('h');
  await page.getByLabel('Value shown by the cells').selectOption('n');
  await page.waitForFunction(() => window.__hexpane.session.heat.valueColumn === 'n' && window.__hexpane.cells() > 0, null, { timeout: 10_000 });
  await page.waitForTimeout(1500);
  await shot(page, 'light');
  assert.deepEqual(await axe(page), []);
});

test('tells the server where it looks', async () => {
  await start();
  await ready(page);
  await page.evaluate(() => window.__hexpane.map.jumpTo({ center: [-29.95, 40.02], zoom: 14 }));
  await page.waitForTimeout(1500);
  const [client] = fake.clients;
  const looks = client.said.filter(s => s.action === 'viewport');
  const [w, s, e, n] = looks.at(-1).bbox;
  assert.ok(w < -29.95 && e > -29.95 && s < 40.02 && n > 40.02 && e - w < 0.2, `${[w, s, e, n]}`);
});

test('on a phone everything that matters is in sight', async () => {
  await start({}, { viewport: { width: 390, height: 800 }, hasTouch: true, isMobile: true });
  await ready(page);
  await state('live');
  for (const id of ['connection', 'stat-vehicles', 'stat-rate', 'stat-lag', 'stat-edges', 'stat-viewers']) {
    const b = await page.locator(`[data-testid=${id}]`).boundingBox();
    assert.ok(b && b.x >= 0 && b.x + b.width <= 391 && b.y >= 0, `${id} at ${JSON.stringify(b)}`);
  }
  await page.waitForTimeout(1500);
  await shot(page, 'phone');
  await page.evaluate(() => window.__hexpane.session.goTo('bus-0003'));
  await page.locator('[data-testid=card] tbody tr').first().waitFor();
  await page.waitForTimeout(1500);
  await shot(page, 'phone-card');
  assert.deepEqual(await axe(page), []);
});

test('a server that asks for a token gets it, and the address does not keep it', async () => {
  await start({ token: 's3cret' });
  await page.getByLabel('This server asks for a token').waitFor({ timeout: 20_000 });
  assert.deepEqual(await axe(page), []);
  await page.goto(`${fake.url}/?test=1&token=s3cret`);
  await ready(page);
  await state('live');
  assert.doesNotMatch(page.url(), /s3cret/);
});
