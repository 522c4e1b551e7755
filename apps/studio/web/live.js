// The WebSocket that tells what happens.

const shortest = 500;
const longest = 5000;

// Calls `onEvent(event, picture)`, with a Blob or null, and `onState` with
// 'connecting', 'open' or 'lost'. Connects again for as long as the page is
// there.
export function watch({ onEvent, onState }) {
  let pause = shortest;

  function connect() {
    const socket = new WebSocket(address('/live'));
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => {
      pause = shortest;
      onState('open');
    };
    socket.onmessage = ({ data }) => {
      if (typeof data === 'string') {
        onEvent(JSON.parse(data), null);
        return;
      }
      const length = new DataView(data).getUint32(0);
      const text = new TextDecoder().decode(new Uint8Array(data, 4, length));
      onEvent(JSON.parse(text), new Blob([new Uint8Array(data, 4 + length)], { type: 'image/jpeg' }));
    };
    socket.onclose = () => {
      onState('lost');
      setTimeout(connect, pause);
      pause = Math.min(pause * 2, longest);
    };
  }

  onState('connecting');
  connect();
}

export function address(path) {
  const url = new URL(path, location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}
