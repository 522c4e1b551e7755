// One upload: a WebSocket of its own, so that it ends when the page does.

import { address } from './live.js';

const piece = 128 * 1024;

// `onId(id)` is called once the studio has taken the upload, `onEnd({done,
// cancelled, problem})` once, when it is over.
export function upload(file, { onId, onEnd }) {
  const socket = new WebSocket(address('/upload'));
  let until = 0;
  let sent = 0;
  let isSending = false;
  let isOver = false;

  function end(how) {
    if (isOver) return;
    isOver = true;
    onEnd(how);
    socket.close();
  }

  // The studio says how far it can follow: a slow runner slows this down.
  async function send() {
    if (isSending) return;
    isSending = true;
    try {
      while (sent < until && !isOver) {
        const part = file.slice(sent, Math.min(sent + piece, until));
        const bytes = await part.arrayBuffer();
        if (isOver) return;
        socket.send(bytes);
        sent += bytes.byteLength;
      }
    } catch {
      end({ done: false, problem: 'The browser cannot read this file any more.' });
    } finally {
      isSending = false;
    }
  }

  socket.onopen = () => socket.send(JSON.stringify({ name: file.name, size: file.size }));
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.type === 'go') {
      if (until === 0) onId(message.id);
      until = message.until;
      send();
    } else if (message.type === 'end') {
      end(message);
    }
  };
  socket.onclose = () => end({ done: false, problem: 'The connection to the studio was lost.' });

  return { cancel: () => end({ done: false, cancelled: true }) };
}
