// MQTT.js as the scenario knows a client.
import mqtt from 'mqtt';

export function open(url, version) {
  return async ({ id, clean = true, will }) => {
    const inbox = [], waiting = [];
    const client = mqtt.connect(url, {
      clientId: id, clean, will, protocolVersion: version, reconnectPeriod: 0, connectTimeout: 10_000,
      properties: version === 5 && !clean ? { sessionExpiryInterval: 600 } : undefined,
    });
    client.on('message', (topic, payload, { qos, retain }) => {
      const m = { topic, payload: payload.toString(), qos, retain };
      waiting.length ? waiting.shift()(m) : inbox.push(m);
    });
    const present = await new Promise((yes, no) => {
      client.once('connect', (ack) => yes(ack.sessionPresent));
      client.once('error', no);
      client.once('close', () => no(new Error('closed')));
    });
    client.on('error', () => {});
    return {
      present,
      publish: (topic, payload, qos, retain = false) => client.publishAsync(topic, payload, { qos, retain }),
      subscribe: (filter, qos) => client.subscribeAsync(filter, { qos }),
      next: () => (inbox.length ? Promise.resolve(inbox.shift()) : new Promise((yes) => waiting.push(yes))),
      kill: () => client.stream.destroy(),
      end: () => client.endAsync(),
    };
  };
}
