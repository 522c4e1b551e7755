// A worker of load.mjs: asks for something small again and again until it is told
// that this is enough, and tells how long each answer took, in milliseconds. On a
// thread of its own, as uploads keep theirs busy.

import { get } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { parentPort, workerData as url } from 'node:worker_threads';

const milliseconds = () => new Promise((resolve, reject) => {
  const begin = performance.now();
  get(url, { agent: false }, (answer) => {
    answer.resume();
    answer.on('end', () => (answer.statusCode === 200
      ? resolve(performance.now() - begin)
      : reject(new Error(`${url}: ${answer.statusCode}`))));
  }).on('error', reject);
});

const times = [];
let isEnough = false;
parentPort.once('message', () => { isEnough = true; });
while (!isEnough) {
  times.push(await milliseconds());
  await pause(20);
}
parentPort.postMessage(times);
