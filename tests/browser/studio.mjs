// The studio and a browser, for tests.

import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';

import { chromium } from 'playwright-core';

const needed = (name) => {
  if (!process.env[name]) throw new Error(`${name} is not set: start this with run.sh`);
  return process.env[name];
};

export const pictures = needed('PICTURES');
mkdirSync(pictures, { recursive: true });

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

// The program, with all that it keeps in a directory of its own.
export class Studio {
  #directory = mkdtempSync(join(tmpdir(), 'studio-browser-'));
  #process;
  #errors = '';

  async start(options = []) {
    this.#process = spawn(needed('STUDIO'), ['--port', '0', '--config', needed('STUDIO_CONFIG'), ...options], {
      env: { ...process.env, TMPDIR: this.#directory },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process.stderr.on('data', (text) => { this.#errors += text; });
    const lines = createInterface({ input: this.#process.stdout });
    this.url = await new Promise((resolve, reject) => {
      lines.on('line', (line) => {
        const found = /^studio: (http:\S+)/.exec(line);
        if (found) resolve(found[1]);
      });
      this.#process.on('error', reject);
      this.#process.on('exit', (code) => reject(new Error(`the studio ended with ${code}: ${this.#errors}`)));
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

  // What it said on standard error.
  async stop() {
    if (!this.#process) return '';
    const ended = this.#process.exitCode ?? new Promise((resolve) => { this.#process.once('exit', resolve); });
    this.#process.kill('SIGTERM');
    const late = setTimeout(() => this.#process.kill('SIGKILL'), 20000);
    const code = await ended;
    clearTimeout(late);
    rmSync(this.#directory, { recursive: true, force: true });
    if (code !== 0) throw new Error(`the studio ended with ${code}: ${this.#errors}`);
    return this.#errors;
  }
}

// A browser whose pages may say nothing on their console, as what the content
// security policy forbids is said there.
export class Browser {
  #complaints = [];
  #browser;

  async start() {
    this.#browser = await chromium.launch({
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      chromiumSandbox: process.getuid() !== 0,
    });
    return this;
  }

  async open(url, options = {}) {
    const context = await this.#browser.newContext({ viewport: { width: 1280, height: 860 }, ...options });
    const page = await context.newPage();
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) this.#complaints.push(message.text());
    });
    page.on('pageerror', (error) => this.#complaints.push(error.message));
    await page.goto(url);
    await page.waitForSelector('#link[data-state=open]');
    return page;
  }

  // All pages, and what they have complained of.
  async closePages() {
    for (const context of this.#browser.contexts()) await context.close();
    return this.#complaints.splice(0);
  }

  async stop() {
    await this.#browser?.close();
  }
}

export const phone = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };

// Videos for tests, made once.
const library = mkdtempSync(join(tmpdir(), 'studio-videos-'));

// A transport stream, which can be read while it arrives: so many seconds of
// moving noise, some 0.8 MB each, so that an upload takes its time.
export function video(seconds) {
  const file = join(library, `noise-${seconds}.ts`);
  if (existsSync(file)) return file;
  execFileSync('ffmpeg', ['-nostdin', '-loglevel', 'error', '-f', 'lavfi', '-i',
    `testsrc2=size=640x360:rate=25:duration=${seconds},noise=alls=40:allf=t`,
    '-c:v', 'mpeg2video', '-b:v', '6M', '-g', '25', file], { stdio: ['ignore', 'inherit', 'inherit'] });
  return file;
}
