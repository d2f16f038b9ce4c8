// Eclipse Paho's JavaScript client, made for browsers, as the scenario knows a client.
import { createRequire } from 'node:module';
import { WebSocket } from 'ws';

const kept = new Map();
globalThis.localStorage = {
  getItem: (k) => kept.get(k) ?? null, setItem: (k, v) => kept.set(k, String(v)), removeItem: (k) => kept.delete(k),
  key: (i) => [...kept.keys()][i] ?? null, get length() { return kept.size; },
};
const sockets = [];
globalThis.WebSocket = class extends WebSocket {
  constructor(...args) { super(...args); sockets.push(this); }
};
globalThis.window = globalThis;
const Paho = createRequire(import.meta.url)('paho-mqtt');

export function open(url) {
  const at = new URL(url);
  return async ({ id, clean = true, will }) => {
    const inbox = [], waiting = [], delivered = [];
    const client = new Paho.Client(at.hostname, Number(at.port), at.pathname, id);
    client.onMessageArrived = (m) => {
      const got = { topic: m.destinationName, payload: m.payloadString, qos: m.qos, retain: m.retained };
      waiting.length ? waiting.shift()(got) : inbox.push(got);
    };
    client.onMessageDelivered = (m) => delivered.find((d) => d.m === m)?.yes();
    const message = (topic, payload, qos, retain) => {
      const m = new Paho.Message(payload);
      Object.assign(m, { destinationName: topic, qos, retained: retain });
      return m;
    };
    const options = { timeout: 10, cleanSession: clean, reconnect: false };
    if (will) options.willMessage = message(will.topic, will.payload, will.qos, false);
    await new Promise((onSuccess, no) => client.connect({ ...options, onSuccess, onFailure: (e) => no(new Error(e.errorMessage)) }));
    const socket = sockets.at(-1);
    return {
      publish: (topic, payload, qos, retain = false) => new Promise((yes) => {
        const m = message(topic, payload, qos, retain);
        if (qos > 0) delivered.push({ m, yes });
        client.send(m);
        if (qos === 0) yes();
      }),
      subscribe: (filter, qos) => new Promise((onSuccess, no) => client.subscribe(filter, { qos, onSuccess, onFailure: no })),
      next: () => (inbox.length ? Promise.resolve(inbox.shift()) : new Promise((yes) => waiting.push(yes))),
      kill: () => socket.terminate(),
      end: () => new Promise((yes) => { client.onConnectionLost = yes; client.disconnect(); }),
    };
  };
}
