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

test('nothing from outside, no page error, accessible in both themes', async () => {
  assert.deepEqual(await axe(page), []);
  await page.keyboard.press('Escape');
  await page.keyboard.press('t');
  await page.waitForTimeout(1500);
  await shot(page, 'demo-light');
  assert.deepEqual(await axe(page), []);
  assert.deepEqual(page.faults, []);
});
