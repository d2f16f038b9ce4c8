// Alerts on the built page: told by the socket, acknowledged, silenced and found on the map, by mouse and by keyboard.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { latLngToCell } from 'h3-js';
import { axe, hook, launch, open, ready, shot } from './browser.mjs';
import { at, CENTER } from './city.mjs';
import { startFake } from './fake-server.mjs';

let browser, fake, page;
before(async () => { browser = await launch(); });
after(async () => { await browser?.close(); });
afterEach(async () => {
  const faults = page?.faults ?? [];
  await page?.context().close();
  fake?.stop();
  page = fake = undefined;
  assert.deepEqual(faults, []);
});

const until = f => page.waitForFunction(f, null, { timeout: 30_000, polling: 100 });
const CELL = latLngToCell(CENTER[1] + 0.02, CENTER[0] + 0.02, 9);

async function start(view = {}) {
  fake = await startFake({ vehicles: 60 });
  fake.alerts.step('a1', { state: 'firing', key: CELL });
  page = await open(browser, `${fake.url}/?test=1`, { viewport: { width: 1280, height: 800 }, ...view });
  await ready(page);
}

test('shows what stands, acknowledges, silences, and goes where it is', async () => {
  await start();
  const panel = page.getByTestId('alerts'), items = panel.getByTestId('alert');
  await panel.getByText('avg_speed < 10').waitFor();
  fake.alerts.step('a2', { state: 'firing', alert: 'speeding', key: 'bus-0003', severity: 'critical', condition: "kind = 'speeding'", value: 71 });
  await items.first().getByText('speeding').first().waitFor(); // the worst first
  assert.equal(await page.getByTestId('bell').getAttribute('aria-label'), '2 alerts fire');
  await page.getByText('critical alert: speeding bus-0003').waitFor({ state: 'attached' });
  await shot(page, 'alerts');
  assert.deepEqual(await axe(page), []);

  const before = await hook(page, 'map.getCenter().toArray()');
  await panel.getByRole('button', { name: `Show jam ${CELL} on the map` }).click();
  await until(() => !window.__hexpane.map.isMoving() && window.__hexpane.session.map !== null);
  await page.getByTestId('card').getByText(CELL).waitFor();
  const now = await hook(page, 'map.getCenter().toArray()');
  assert.ok(Math.abs(now[0] - before[0]) > 0.01 && Math.abs(now[1] - before[1]) > 0.01, `${before} → ${now}`);
  await panel.getByRole('button', { name: 'Show speeding bus-0003 on the map' }).click();
  await page.getByTestId('card').getByRole('heading', { name: 'bus-0003' }).waitFor();
  await page.keyboard.press('Escape');

  fake.alerts.refuse = 'not today';
  await panel.getByRole('button', { name: 'Acknowledge speeding bus-0003' }).click();
  await panel.getByText('not today').waitFor();
  fake.alerts.refuse = null;
  await panel.getByRole('button', { name: 'Acknowledge speeding bus-0003' }).focus();
  await page.keyboard.press('Enter');
  await panel.getByText('operator takes care').waitFor();
  assert.deepEqual(fake.alerts.acks, ['a2']);

  await panel.getByRole('button', { name: `Silence jam ${CELL}` }).focus();
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.activeElement?.textContent === '30 min');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await panel.getByText('silenced').waitFor();
  assert.deepEqual(fake.alerts.silences[0].matchers, [{ name: 'alert', value: 'jam' }, { name: 'key', value: CELL }]);
  assert.equal(fake.alerts.silences[0].for, '2h');
  await page.waitForFunction(() => document.querySelector('[data-testid=bell]').getAttribute('aria-label') === '0 alerts fire');
  await shot(page, 'alerts-silenced');
  await page.keyboard.press('t');
  assert.deepEqual(await axe(page), []);
  await panel.getByRole('button', { name: `End the silence of jam ${CELL}` }).click();
  await panel.getByText('silenced').waitFor({ state: 'detached' });
  fake.alerts.step('a2', { state: 'resolved' });
  await panel.getByText('speeding').first().waitFor({ state: 'detached' });

  // A fence is found, a key without a place says so; A closes the panel, and what happened unheard is known after.
  const ring = [[2.6, 2.6], [3, 2.6], [3, 3], [2.6, 3], [2.6, 2.6]].map(([x, y]) => at(x, y));
  fake.fences.put('depot', { name: 'Depot' }, { type: 'Polygon', coordinates: [ring] });
  await until(() => window.__hexpane.fences.all.has('depot'));
  fake.alerts.step('a3', { state: 'firing', alert: 'entered', key: 'gone/depot', severity: 'info' });
  fake.alerts.step('a4', { state: 'firing', alert: 'total', key: 'nowhere' });
  await panel.getByRole('button', { name: 'Show entered gone/depot on the map' }).click();
  await page.getByTestId('card').getByRole('heading', { name: 'Depot' }).waitFor();
  await panel.getByRole('button', { name: 'Show total nowhere on the map' }).click();
  await panel.getByText('nowhere has no place on the map').waitFor();
  await page.keyboard.press('a');
  await panel.waitFor({ state: 'detached' });
  fake.drop();
  fake.alerts.step('a1', { state: 'resolved' }); // while nobody listens
  await page.keyboard.press('a');
  await until(() => window.__hexpane.session.alerts.list().length === 2);
  fake.alerts.step('a3', { state: 'resolved' });
  fake.alerts.step('a4', { state: 'resolved' });
  await panel.getByText('All quiet').waitFor();
});

test('on a phone, and without alerts on the server', async () => {
  await start({ viewport: { width: 390, height: 800 }, hasTouch: true, isMobile: true });
  await page.getByTestId('alerts').waitFor({ state: 'detached' });
  await page.getByTestId('bell').click();
  await page.getByTestId('alerts').getByText('avg_speed < 10').waitFor();
  assert.deepEqual(await axe(page), []);
  await shot(page, 'alerts-phone');
  fake.alerts.offered = false;
  await page.reload();
  await ready(page);
  assert.equal(await page.getByTestId('bell').count(), 0);
});
