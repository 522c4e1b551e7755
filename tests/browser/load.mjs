// Many uploads at once: whether all finish, whether memory grows, and how long a
// small request beside them takes.
//
//   load.mjs [UPLOADS [ROUNDS]]

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';

import WebSocket from 'ws';

import { eventually } from './program.mjs';
import { Studio, video } from './studio.mjs';

const [uploads = 50, rounds = 3] = process.argv.slice(2).map(Number);
const piece = 128 * 1024;
const bytes = readFileSync(video(10));
const studio = await new Studio().start(['--max-uploads', String(uploads)]);
const socketUrl = studio.url.replace('http:', 'ws:');
const origin = studio.url.replace(/\/$/, '');

// As a tab does it. Resolves to whether the video is done.
function upload(name) {
  return new Promise((resolve) => {
    const socket = new WebSocket(`${socketUrl}upload`, { origin });
    let sent = 0;
    let how = { done: false, problem: 'the connection was lost' };
    socket.on('open', () => socket.send(JSON.stringify({ name, size: bytes.length })));
    socket.on('message', (data) => {
      const message = JSON.parse(data);
      if (message.type === 'end') {
        how = message;
        socket.close();
      } else {
        for (; sent < message.until; sent += piece)
          socket.send(bytes.subarray(sent, Math.min(sent + piece, message.until, bytes.length)));
        sent = Math.min(sent, message.until, bytes.length);
      }
    });
    socket.on('error', (error) => { how = { done: false, problem: error.message }; });
    socket.on('close', () => {
      if (!how.done) console.error(`load: ${name}: ${how.problem}`);
      resolve(how.done);
    });
  });
}

// A watching tab, as somebody sees all this.
const tab = new WebSocket(`${socketUrl}live`, { origin });
let pool;
let thumbnails = 0;
tab.on('message', (data, isBinary) => {
  if (isBinary) {
    thumbnails += 1;
    return;
  }
  const event = JSON.parse(data);
  if (event.type === 'pool') pool = event;
});

const times = [];
const memory = [];
const seconds = [];
let done = 0;
try {
  for (let round = 0; round < rounds; round += 1) {
    const begin = performance.now();
    const beside = new Worker(new URL('beside.mjs', import.meta.url), { workerData: `${studio.url}style.css` });
    const ends = await Promise.all(Array.from({ length: uploads }, (_, i) => upload(`${round}-${i}.ts`)));
    beside.postMessage('enough');
    times.push(...(await once(beside, 'message'))[0]);
    done += ends.filter(Boolean).length;
    seconds.push(Number(((performance.now() - begin) / 1000).toFixed(1)));
    // What is kept for runners goes with them.
    await eventually(() => pool.runners.length === 0, 'the runners go', 60);
    memory.push(studio.residentMib());
  }
} finally {
  tab.close();
  await studio.stop();
}

times.sort((a, b) => a - b);
const percentile = (p) => Number(times[Math.min(times.length - 1, Math.floor(times.length * p))].toFixed(1));
console.log(JSON.stringify({
  uploads: uploads * rounds,
  uploads_done: done,
  thumbnails_seen: thumbnails,
  round_seconds: seconds,
  resident_mib: memory,
  requests_beside: times.length,
  request_ms_p50: percentile(0.5),
  request_ms_p99: percentile(0.99),
  request_ms_max: percentile(1),
}, null, 2));
process.exitCode = done === uploads * rounds ? 0 : 1;
