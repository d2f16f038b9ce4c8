// node scenario.mjs LIBRARY URL VERSION: what devices and panels do with a broker. Prints one line per part; exits 1 at the first that fails.
import assert from 'node:assert/strict';

const [library, url, version] = process.argv.slice(2);
const open = (await import(`./${library}.mjs`)).open(url, Number(version));
const base = `${library}-${new URL(url).protocol.slice(0, -1)}-${version}`;
setTimeout(() => { console.error('nothing came within 30 s'); process.exit(1); }, 30_000).unref();

async function part(name, run) {
  await run();
  console.log(`ok ${name}`);
}

// "in/…" is what a stream reads, "out/…" is not.
await part('QoS 0, 1 and 2', async () => {
  const [a, b] = [await open({ id: `${base}-a` }), await open({ id: `${base}-b` })];
  for (const room of ['in', 'out']) {
    await b.subscribe(`${room}/${base}/#`, 2);
    for (const qos of [0, 1, 2]) {
      const payload = `${qos} ${'ä'.repeat(qos * 3000)}`;
      await a.publish(`${room}/${base}/x`, payload, qos);
      assert.deepEqual(await b.next(), { topic: `${room}/${base}/x`, payload, qos, retain: false });
    }
  }
  await a.end(); await b.end();
});

await part('many at QoS 1', async () => {
  const a = await open({ id: `${base}-many` });
  await Promise.all(Array.from({ length: 300 }, (_, i) => a.publish(`in/${base}/many`, String(i), 1)));
  await a.end();
});

await part('retained', async () => {
  const a = await open({ id: `${base}-r` });
  for (const room of ['in', 'out']) {
    const topic = `${room}/${base}/retained`;
    await a.publish(topic, 'kept', 1, true);
    const b = await open({ id: `${base}-late` });
    await b.subscribe(topic, 1);
    assert.deepEqual(await b.next(), { topic, payload: 'kept', qos: 1, retain: true });
    await a.publish(topic, '', 1, true);
    assert.equal((await b.next()).payload, '');
    await b.end();
    const c = await open({ id: `${base}-later` });
    await c.subscribe(`${room}/${base}/#`, 1);
    await a.publish(`${room}/${base}/mark`, 'mark', 1);
    assert.equal((await c.next()).payload, 'mark');
    await c.end();
  }
  await a.end();
});

await part('will', async () => {
  const watcher = await open({ id: `${base}-watcher` });
  await watcher.subscribe(`out/${base}/will`, 1);
  const dying = await open({ id: `${base}-dying`, will: { topic: `out/${base}/will`, payload: 'gone', qos: 1, retain: false } });
  dying.kill();
  assert.deepEqual(await watcher.next(), { topic: `out/${base}/will`, payload: 'gone', qos: 1, retain: false });
  await watcher.end();
});

await part('session', async () => {
  const a = await open({ id: `${base}-sender` });
  const first = await open({ id: `${base}-session`, clean: false });
  await first.subscribe([`in/${base}/s`][0], 1);
  await first.end();
  for (const n of ['1', '2', '3']) await a.publish(`in/${base}/s`, n, 1);
  const again = await open({ id: `${base}-session`, clean: false });
  const got = [];
  for (let i = 0; i < 3; i++) got.push((await again.next()).payload);
  assert.deepEqual(got.sort(), ['1', '2', '3']);
  if (again.present !== undefined) assert.equal(again.present, true);
  await again.end(); await a.end();
});
process.exit(0);
