// The page on a running `hexpane demo`, as an operator sees it in the first seconds.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { axe, hook, launch, open, ready, shot } from './browser.mjs';
import { demo } from './demo-server.mjs';

let browser, page, server;

before(async () => {
  server = await demo();
  browser = await launch();
  page = await open(browser, new URL('/?test=1', server.url).href);
  await ready(page);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

test('vehicles move and cells fill', async () => {
  await page.waitForFunction(() => window.__hexpane.vehicles() > 0 && window.__hexpane.connection() === 'live', null, { timeout: 30_000 });
  await page.waitForFunction(() => window.__hexpane.cells() > 0, null, { timeout: 30_000 });
  await page.evaluate(() => {
    const fleet = window.__hexpane.session.fleets.values().next().value;
    window.before = new Map(fleet.ids.map((id, i) => [id, fleet.at[2 * i] + fleet.at[2 * i + 1]]));
  });
  await page.waitForFunction(() => { // drawn positions, not received ones; software rendering takes its time
    const fleet = window.__hexpane.session.fleets.values().next().value;
    return fleet.ids.filter((id, i) => window.before.has(id) && window.before.get(id) !== fleet.at[2 * i] + fleet.at[2 * i + 1]).length > 5;
  }, null, { timeout: 30_000, polling: 500 });
  await shot(page, 'demo-dark');
});

test('the numbers are there', async () => {
  for (const id of ['vehicles', 'rate', 'lag', 'edges', 'viewers']) {
    assert.match(await page.locator(`[data-testid=stat-${id}] dd`).innerText(), /\d/, id);
  }
  assert.match(await page.locator('[data-testid=connection]').innerText(), /Live/);
});

test('positions reach the page within seconds of being measured', async () => {
  const frames = (await hook(page, 'frames')).filter(f => f.topic.startsWith('positions:') && f.maxTs);
  assert.ok(frames.length > 0);
  const delays = frames.map(f => f.receivedAt - f.maxTs).sort((a, b) => a - b);
  const p50 = delays[delays.length >> 1];
  console.log(`measured → page: p50 ${Math.round(p50)} ms, worst ${Math.round(delays.at(-1))} ms over ${delays.length} frames`);
  assert.ok(p50 < 5000, `p50 ${p50} ms`);
});

test('the latest values of a vehicle and of a cell', async () => {
  const id = await page.evaluate(() => window.__hexpane.session.fleets.values().next().value.ids[0]);
  await page.evaluate(v => window.__hexpane.session.goTo(v), id);
  const card = page.locator('[data-testid=card]');
  await card.locator('tbody tr').first().waitFor({ timeout: 15_000 });
  await shot(page, 'demo-vehicle');
  await page.keyboard.press('Escape');
  await page.evaluate(() => {
    const { session } = window.__hexpane;
    session.select({ kind: 'cell', cell: session.heat.cells[0].cell });
  });
  await card.locator('tbody tr').first().waitFor({ timeout: 15_000 });
  await shot(page, 'demo-cell');
});

test('fences: who is inside, one drawn among the vehicles, what happens at it, gone again', async () => {
  await page.keyboard.press('Escape');
  const api = (path, init) => fetch(new URL(`/api/v1/fences${path}`, server.url), init);
  const there = (await (await api('')).json()).features.map(f => f.id).sort();
  assert.ok(there.length > 0, 'the demo has fences');
  await page.waitForFunction(ids => [...window.__hexpane.fences.all.keys()].sort().join() === ids, there.join(), { timeout: 30_000 });
  await page.waitForFunction(() => window.__hexpane.session.map.drawn('fences'), null, { timeout: 30_000, polling: 200 });
  for (const by = Date.now() + 60_000; ;) { // vehicles come and go between the two looks
    const shown = await page.evaluate(() => [...window.__hexpane.fences.all.values()].map(f => [f.id, f.inside]));
    const counted = await Promise.all(shown.map(async ([id]) => [id, (await (await api(`/${id}/inside`)).json()).count]));
    if (String(shown) === String(counted) && shown.some(([, n]) => n > 0)) break;
    assert.ok(Date.now() < by, `shown ${shown}; counted ${counted}`);
  }

  await page.getByRole('button', { name: 'Draw a fence' }).click();
  const { width, height } = page.viewportSize();
  for (const [x, y] of [[0.4, 0.35], [0.65, 0.35], [0.65, 0.7], [0.4, 0.7]]) await page.mouse.click(width * x, height * y);
  await page.keyboard.press('Enter');
  const form = page.getByTestId('draft');
  await form.getByLabel('Name').fill('Test yard');
  await form.getByRole('button', { name: 'Save' }).click();
  const card = page.locator('[data-testid=card]');
  await card.getByText('Test yard').first().waitFor({ timeout: 30_000 });
  const mine = (await (await api('')).json()).features.find(f => f.properties.name === 'Test yard');
  assert.equal(mine.geometry.coordinates[0].length, 5);
  await page.waitForFunction(id => window.__hexpane.fences.events.some(e => e.fence === id), mine.id, { timeout: 60_000, polling: 200 });
  await shot(page, 'demo-fence');
  await card.getByRole('button', { name: 'Delete' }).click();
  await card.getByRole('button', { name: 'Delete the fence' }).click();
  await card.waitFor({ state: 'detached', timeout: 30_000 });
  assert.equal((await api(`/${mine.id}`)).status, 404);
});

test('alerts: the demo has rules, and what fires is in the panel', async () => {
  const alerts = await (await fetch(new URL('/api/v1/alerts', server.url))).json();
  assert.deepEqual(alerts.rules.map(r => r.name).sort(), ['loud', 'speeding']);
  await page.keyboard.press('Escape');
  if (await page.getByTestId('alerts').count() === 0) await page.getByTestId('bell').click();
  await page.waitForFunction(() => window.__hexpane.session.alerts.list().length > 0, null, { timeout: 120_000, polling: 250 }); // somebody is too fast before long
  await page.getByTestId('alerts').getByTestId('alert').first().waitFor();
  await shot(page, 'demo-alerts');
  await page.keyboard.press('a');
});

test('nothing from outside, no page error, accessible in both themes', async () => {
  assert.deepEqual(await axe(page), []);
  await page.keyboard.press('Escape');
  await page.keyboard.press('t');
  await page.waitForTimeout(1500);
  await shot(page, 'demo-light');
  assert.deepEqual(await axe(page), []);
  assert.deepEqual(page.faults, []);
});
