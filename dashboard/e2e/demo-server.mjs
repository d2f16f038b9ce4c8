// A running `hexpane demo` for the tests: the one HEXPANE_URL names, else our own of ../bin/hexpane.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const BINARY = path.join(import.meta.dirname, '..', '..', 'bin', 'hexpane');
const START_WITHIN = 60_000;

export async function demo() {
  if (process.env.HEXPANE_URL) return { url: process.env.HEXPANE_URL, stop: () => {} };
  const data = mkdtempSync(path.join(tmpdir(), 'hexpane-e2e-'));
  const child = spawn(BINARY, ['demo', '--vehicles', '400', '--data', data, '--http', '127.0.0.1:0', '--mqtt', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  const url = await new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`hexpane demo was not ready in time:\n${said}`)), START_WITHIN);
    const read = text => {
      said = (said + text).slice(-20_000);
      const ready = /^hexpane ready .*?http=(\S+)/m.exec(said);
      if (!ready) return;
      clearTimeout(late);
      resolve(ready[1]);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('error', reject);
    child.once('exit', code => reject(new Error(`hexpane demo ended with ${code}:\n${said}`)));
  }).catch(e => {
    child.kill('SIGKILL');
    throw e;
  });
  const stop = async () => {
    const gone = new Promise(r => child.once('exit', r));
    if (child.exitCode === null) child.kill('SIGINT');
    const kill = setTimeout(() => child.kill('SIGKILL'), 12_000);
    if (child.exitCode === null) await gone;
    clearTimeout(kill);
    rmSync(data, { recursive: true, force: true });
  };
  return { url, stop };
}
