// Fences on the built page, drawn and edited with a real mouse against the fake server.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { axe, hook, launch, open, ready, shot } from './browser.mjs';
import { at } from './city.mjs';
import { startFake } from './fake-server.mjs';

let browser, fake, page;
const square = (x, y, r) => ({ type: 'Polygon', coordinates: [[[x - r, y - r], [x + r, y - r], [x + r, y + r], [x - r, y + r], [x - r, y - r]].map(([a, b]) => at(a, b))] });

before(async () => { browser = await launch(); });
after(async () => { await browser?.close(); });
afterEach(async () => {
  const faults = page?.faults ?? [];
  await page?.context().close();
  fake?.stop();
  page = fake = undefined;
  assert.deepEqual(faults, []);
});

async function start(fences = {}, view = {}) {
  fake = await startFake({ vehicles: 60 });
  for (const [id, f] of Object.entries(fences)) fake.fences.put(id, f.properties, f.geometry);
  page = await open(browser, `${fake.url}/?test=1`, { viewport: { width: 900, height: 600 }, ...view });
  await ready(page);
  await page.getByRole('button', { name: 'Draw a fence' }).waitFor();
}
const depot = () => ({ depot: { properties: { name: 'Depot', detect: ['enter', 'exit'], colour: '#ff8800' }, geometry: square(0, 0, 0.9) } });
const select = id => page.evaluate(i => window.__hexpane.session.select({ kind: 'fence', id: i }), id);
const pixel = lonLat => page.evaluate(p => {
  const { map } = window.__hexpane, r = map.getContainer().getBoundingClientRect(), q = map.project(p);
  return { x: q.x + r.x, y: q.y + r.y };
}, lonLat);
const until = (f, arg) => page.waitForFunction(f, arg, { timeout: 20_000, polling: 100 });
async function click(points) { for (const [x, y] of points) await page.mouse.click(x, y); }
async function drag(from, to) {
  await page.mouse.move(from.x, from.y);
  await page.mouse.down();
  await page.mouse.move((from.x + to.x) / 2, (from.y + to.y) / 2);
  await page.mouse.move(to.x, to.y);
  await page.mouse.up();
}

test('draws a ring with the mouse, closes it with Enter, saves what the form says', async () => {
  await start();
  await page.getByRole('button', { name: 'Draw a fence' }).click();
  await click([[300, 200], [450, 200], [450, 350], [300, 350], [200, 500]]);
  await page.keyboard.press('Backspace'); // the last corner was a slip
  await page.keyboard.press('Enter');
  const form = page.getByTestId('draft');
  await form.getByLabel('Name').fill('North yard');
  await form.getByLabel('dwell').check();
  await form.getByRole('button', { name: 'Save' }).click();
  await form.getByText('Say after how long').waitFor();
  assert.equal(fake.fences.puts.length, 0, 'nothing sent while a rule is missing');
  await form.getByLabel('Dwell after').fill('5m');
  assert.deepEqual(await axe(page), []);
  await shot(page, 'fence-draft');
  await form.getByRole('button', { name: 'Save' }).click();
  await page.getByTestId('card').getByText('North yard').first().waitFor();
  const [put] = fake.fences.puts;
  assert.match(put.id, /^north-yard-/);
  assert.equal(put.ifMatch, undefined);
  assert.deepEqual(put.body.properties, { name: 'North yard', detect: ['enter', 'exit', 'dwell'], dwell: '5m' });
  const [ring] = put.body.geometry.coordinates;
  assert.equal(ring.length, 5);
  assert.deepEqual(ring[0], ring[4]);
  for (const [i, [x, y]] of [[300, 200], [450, 200], [450, 350], [300, 350]].entries()) {
    const p = await pixel(ring[i]);
    assert.ok(Math.hypot(p.x - x, p.y - y) < 1.5, `corner ${i} at ${JSON.stringify(p)}`);
  }
});

test('a refused ring keeps the drawing and shows the reason; Esc cancels', async () => {
  await start();
  fake.fences.refuse = 'self-intersection between edges 0 and 2';
  await page.getByRole('button', { name: 'Draw a fence' }).click();
  await click([[300, 200], [450, 350], [450, 200], [300, 350]]);
  await page.mouse.click(300, 200); // on the first corner: closes
  const form = page.getByTestId('draft');
  await form.getByLabel('Name').fill('Bow');
  await page.keyboard.press('Enter');
  await form.getByText('self-intersection between edges 0 and 2').waitFor();
  assert.equal(await page.evaluate(() => window.__hexpane.session.map.drawn('draft-corners')), true);
  assert.deepEqual(await axe(page), []);
  await page.keyboard.press('Escape');
  await form.waitFor({ state: 'detached' });
  assert.equal(fake.fences.all.size, 0);
});

test('drags a corner, adds one, deletes one, takes it back, and is told of a conflict', async () => {
  await start(depot());
  await select('depot');
  await page.getByRole('button', { name: 'Edit' }).click();
  const corner = await pixel(at(-0.9, -0.9)), middle = await pixel(at(0, 0.9));
  await drag(corner, { x: corner.x - 40, y: corner.y + 30 });
  await drag(middle, { x: middle.x, y: middle.y - 40 });
  await page.keyboard.press('Delete'); // the one just added
  await page.keyboard.press('Control+z');
  const form = page.getByTestId('draft');
  fake.fences.put('depot', { name: 'Theirs' }, square(0, 0, 0.5));
  await form.getByRole('button', { name: 'Save' }).click();
  await page.getByTestId('conflict').getByText('Changed by somebody else').waitFor();
  assert.deepEqual(await axe(page), []);
  assert.equal(fake.fences.puts[0].ifMatch, '"1"');
  await page.getByRole('button', { name: 'Overwrite' }).click();
  await form.waitFor({ state: 'detached' });
  const { body, ifMatch } = fake.fences.puts[1];
  assert.equal(ifMatch, undefined);
  assert.equal(body.properties.colour, '#ff8800', 'what the client gave is kept');
  assert.equal(body.geometry.coordinates[0].length, 6, 'the added corner is back');
  const p = await pixel(body.geometry.coordinates[0][0]);
  assert.ok(Math.abs(p.x - corner.x + 40) < 2 && Math.abs(p.y - corner.y - 30) < 2, JSON.stringify([corner, p]));
});

test('counts live, flashes an event, follows another operator, lists who is inside', async () => {
  await start(depot());
  fake.fences.counts.set('depot', 7);
  fake.fences.devices.set('depot', [{ stream: 'vehicles', device: 'bus-0003' }]);
  await until(() => window.__hexpane.fences.all.get('depot')?.inside === 7);
  await until(() => window.__hexpane.session.map.deckLayers()?.find(l => l.id === 'fence-labels')?.props.data.some(l => l.text === 'Depot · 7'));
  const [lon, lat] = at(0.3, 0.3);
  const event = { id: 'e1', fence: 'depot', device: 'bus-0003', stream: 'vehicles', kind: 'enter', ts: new Date().toISOString(), lat, lon };
  fake.event(event);
  await until(() => window.__hexpane.session.map.drawn('fence-flash') && window.__hexpane.session.map.drawn('fence-pulse'));
  await page.getByTestId('events').getByText('bus-0003 · Depot').waitFor();
  await shot(page, 'fence-event');
  await until(() => !window.__hexpane.session.map.drawn('fence-flash'));
  fake.event({ ...event, withdrawn: true });
  await page.getByTestId('events').waitFor({ state: 'detached' });
  fake.fences.put('depot', { name: 'Renamed' }, square(0, 0, 0.5));
  await until(() => window.__hexpane.fences.all.get('depot')?.name === 'Renamed');
  await select('depot');
  const card = page.getByTestId('card');
  await card.getByRole('button', { name: 'bus-0003' }).waitFor();
  assert.match(await card.getByTestId('inside').innerText(), /7/);
  assert.deepEqual(await axe(page), []);
  await page.keyboard.press('t');
  assert.deepEqual(await axe(page), []);
  await shot(page, 'fence-light');
});

test('a click opens a fence; deletion asks first and shows a refusal', async () => {
  await start(depot());
  await page.keyboard.press('v');
  await page.keyboard.press('h');
  const p = await pixel(at(-0.55, 0.55));
  await until(() => window.__hexpane.session.map.drawn('fences') && !window.__hexpane.session.map.drawn('stream:vehicles'));
  await page.mouse.click(p.x, p.y);
  const card = page.getByTestId('card');
  fake.fences.refuse = 'view in_depot uses it';
  await card.getByRole('button', { name: 'Delete' }).click();
  assert.equal(fake.fences.all.size, 1);
  await card.getByRole('button', { name: 'Delete the fence' }).click();
  await card.getByText('view in_depot uses it').waitFor();
  fake.fences.refuse = null;
  await card.getByRole('button', { name: 'Delete' }).click();
  await card.getByRole('button', { name: 'Delete the fence' }).click();
  await card.waitFor({ state: 'detached' });
  assert.equal(fake.fences.all.size, 0);
});

test('imports and exports GeoJSON', async () => {
  await start();
  const text = JSON.stringify({ type: 'FeatureCollection', features: [{ type: 'Feature', id: 'in', properties: { name: 'In' }, geometry: square(1, 1, 0.3) }] });
  await page.getByLabel('GeoJSON file of fences').setInputFiles({ name: 'f.geojson', mimeType: 'application/json', buffer: Buffer.from(text) });
  await until(() => window.__hexpane.fences.all.has('in'));
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Export fences as GeoJSON' }).click()]);
  assert.equal(file.suggestedFilename(), 'fences.geojson');
});

test('a thousand fences on a phone', async () => {
  const many = {};
  for (let i = 0; i < 1000; i++) many[`f${i}`] = { properties: { name: `F${i}` }, geometry: square((i % 32) * 0.3 - 5, Math.floor(i / 32) * 0.3 - 5, 0.12) };
  await start(many, { viewport: { width: 390, height: 800 }, hasTouch: true, isMobile: true });
  assert.equal(await hook(page, 'fences.all.size'), 1000);
  await until(() => window.__hexpane.session.map.drawn('fences'));
  assert.deepEqual(await axe(page), []);
  await shot(page, 'fences-phone');
});
