// The page: what is dropped goes up, what the studio tells is shown.

import { Cards } from './cards.js';
import { watch } from './live.js';
import { PoolPanel } from './pool.js';
import { upload } from './upload.js';
import { Viewer } from './viewer.js';

const announcer = document.getElementById('announcer');
const announce = (text) => { announcer.textContent = text; };

// What is not as it should be, or '' once it is.
function notice(id, text) {
  const where = document.getElementById(id);
  where.textContent = text;
  where.hidden = !text;
}

const viewer = new Viewer();
const cards = new Cards({ announce, onOpen: (frame) => viewer.open(frame) });
const pool = new PoolPanel();
const active = new Set();

function begin(file) {
  const key = cards.begin(file, () => one.cancel());
  let id = key;
  const one = upload(file, {
    onId(name) {
      cards.adopt(key, name);
      id = name;
    },
    onEnd({ done, cancelled, problem }) {
      active.delete(one);
      if (cancelled) cards.cancel(id);
      else if (!done) cards.fail(id, problem);
    },
  });
  active.add(one);
}

function beginAll(files) {
  for (const file of files) begin(file);
}

// -- choosing, dropping -------------------------------------------------------

const drop = document.getElementById('drop');
const input = document.getElementById('file');

input.addEventListener('change', () => {
  beginAll(input.files);
  input.value = '';
});

// A file that misses the zone must not replace the page.
let depth = 0;
const hasFiles = (event) => event.dataTransfer?.types.includes('Files');
addEventListener('dragenter', (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  depth += 1;
  drop.dataset.over = '';
});
addEventListener('dragleave', (event) => {
  if (!hasFiles(event)) return;
  depth -= 1;
  if (depth <= 0) delete drop.dataset.over;
});
addEventListener('dragover', (event) => {
  if (hasFiles(event)) event.preventDefault();
});
addEventListener('drop', (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  depth = 0;
  delete drop.dataset.over;
  beginAll(event.dataTransfer.files);
});

for (const button of document.querySelectorAll('[data-sample]'))
  button.addEventListener('click', async () => {
    const name = button.dataset.sample;
    button.disabled = true;
    button.dataset.busy = '';
    announce('Making the sample video.');
    try {
      const answer = await fetch(`/samples/${name}`);
      if (!answer.ok) throw new Error(await answer.text());
      begin(new File([await answer.blob()], name));
      notice('sample-problem', '');
    } catch (error) {
      notice('sample-problem', `There is no sample video. ${error.message}`);
    } finally {
      button.disabled = false;
      delete button.dataset.busy;
    }
  });

addEventListener('beforeunload', (event) => {
  if (active.size > 0) event.preventDefault();
});

// -- what has happened --------------------------------------------------------

// Whenever the page is connected: it has missed what ended before.
async function loadFinished() {
  // Before anything is waited for, as the connection may be lost meanwhile.
  const unknown = cards.takeUnknown();
  try {
    const answer = await fetch('/api/videos');
    if (!answer.ok) throw new Error(await answer.text());
    cards.restore((await answer.json()).videos);
    notice('videos-problem', '');
  } catch (error) {
    notice('videos-problem', `Earlier videos cannot be shown. ${error.message}`);
  }
  // Those that are not among the finished ones, either.
  for (const key of unknown) cards.cancel(key);
}

// -- what happens -------------------------------------------------------------

const link = document.getElementById('link');
const linkText = document.getElementById('link-text');
const linkWords = { connecting: 'connecting', open: 'live', lost: 'connection lost, trying again' };

watch({
  onState(state) {
    if (state === 'open') cards.doubtAll();
    link.dataset.state = state;
    linkText.textContent = linkWords[state];
  },
  onEvent(event, picture) {
    if (event.type === 'pool') pool.show(event);
    else if (event.type === 'upload') cards.update(event);
    else if (event.type === 'thumbnail') cards.thumbnail(event, picture);
    else if (event.type === 'thumbnails') cards.thumbnails(event);
    else if (event.type === 'present') loadFinished();
  },
});
