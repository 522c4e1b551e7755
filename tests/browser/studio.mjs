// The studio, and videos for it.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Program, needed } from './program.mjs';

export class Studio extends Program {
  start(options = [], env = {}, port = 0) {
    return super.start(needed('STUDIO'), ['--port', String(port), '--config', needed('STUDIO_CONFIG'), ...options], /^studio: (http:\S+)/, env);
  }
}

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
