// A program that serves a page, as tests start and stop it.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';

// A variable that run.sh's caller sets.
export function needed(name) {
  if (!process.env[name]) throw new Error(`${name} is not set: start this with run.sh`);
  return process.env[name];
}

// Until `condition()` returns something true, which is then the result.
export async function eventually(condition, what, seconds = 30) {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    const result = await condition();
    if (result) return result;
    if (performance.now() > end) throw new Error(`not within ${seconds} s: ${what}`);
    await pause(20);
  }
}

const processes = () => readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((pid) => {
  try {
    // The name stands in brackets, and may have any in it.
    const [, name, rest] = /\((.*)\) (.*)/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    const [state, parent] = rest.split(' ');
    return [{ pid: Number(pid), name, state, parent: Number(parent) }];
  } catch {
    return []; // it has ended
  }
});

// With all that it keeps in a directory of its own.
export class Program {
  #directory = mkdtempSync(join(tmpdir(), 'page-'));
  #process;
  #errors = '';

  // `line` is what it prints once it serves; its first group is the address.
  async start(path, options, line, env = {}) {
    this.#process = spawn(path, options, {
      env: { ...process.env, TMPDIR: this.#directory, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#process.stderr.on('data', (text) => { this.#errors += text; });
    const lines = createInterface({ input: this.#process.stdout });
    this.url = await new Promise((resolve, reject) => {
      lines.on('line', (text) => {
        const found = line.exec(text);
        if (found) resolve(found[1]);
      });
      this.#process.on('error', reject);
      this.#process.on('exit', (code) => reject(new Error(`${path} ended with ${code}: ${this.#errors}`)));
    });
    return this;
  }

  // Its processes of this name, those of its runners included.
  descendants(name) {
    const all = processes();
    const family = new Set([this.#process.pid]);
    for (let size = 0; size !== family.size;) {
      size = family.size;
      for (const { pid, parent } of all) if (family.has(parent)) family.add(pid);
    }
    return all.filter((one) => family.has(one.pid) && one.name === name && one.state !== 'Z');
  }

  // Memory of its own process, without that of its runners.
  residentMib() {
    const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.#process.pid}/status`, 'utf8'));
    return Math.round(kib / 102.4) / 10;
  }

  // What it said on standard error. `end` asks it to end.
  async stop(end = (it) => it.kill('SIGTERM')) {
    if (!this.#process) return '';
    const ended = this.#process.exitCode ?? new Promise((resolve) => { this.#process.once('exit', resolve); });
    end(this.#process);
    const late = setTimeout(() => this.#process.kill('SIGKILL'), 20000);
    const code = await ended;
    clearTimeout(late);
    rmSync(this.#directory, { recursive: true, force: true });
    if (code !== 0) throw new Error(`${this.#process.spawnfile} ended with ${code}: ${this.#errors}`);
    return this.#errors;
  }
}
