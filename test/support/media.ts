/** Media with true headers, and as many bytes as are asked for. */
import { deflateSync } from 'node:zlib';

export function png(width: number, height: number, bytes = 64): Buffer {
  const file = Buffer.alloc(Math.max(bytes, 33));
  file.write('\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'latin1');
  file.writeUInt32BE(width, 16);
  file.writeUInt32BE(height, 20);
  return file;
}

/** @param before bytes of other segments before the frame header */
export function jpeg(width: number, height: number, before = 0): Buffer {
  const segments: Buffer[] = [];
  for (let left = before; left > 0; left -= 65_000) {
    const segment = Buffer.alloc(Math.min(left, 65_000) + 4);
    segment.writeUInt16BE(0xffe1, 0);
    segment.writeUInt16BE(segment.length - 2, 2);
    segments.push(segment);
  }
  const frame = Buffer.from([0xff, 0xc2, 0, 17, 8, 0, 0, 0, 0, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1]);
  frame.writeUInt16BE(height, 5);
  frame.writeUInt16BE(width, 7);
  return Buffer.concat([Buffer.from([0xff, 0xd8]), ...segments, frame]);
}

/** @param screen as its header says, which may be less than its first frame */
export function gif(width: number, height: number, screen = { width, height }): Buffer {
  const file = Buffer.alloc(48);
  file.write('GIF89a', 'latin1');
  file.writeUInt16LE(screen.width, 6);
  file.writeUInt16LE(screen.height, 8);
  // A palette of two colours, an extension, and the frame.
  file[10] = 0x80;
  file.write('\x21\xf9\x04\0\0\0\0\0\x2c', 19, 'latin1');
  file.writeUInt16LE(width, 32);
  file.writeUInt16LE(height, 34);
  return file;
}

export function webp(width: number, height: number, kind: 'VP8 ' | 'VP8L' | 'VP8X'): Buffer {
  const file = Buffer.alloc(40);
  file.write(`RIFF....WEBP${kind}`, 'latin1');
  if (kind === 'VP8 ') {
    file.writeUInt16LE(width, 26);
    file.writeUInt16LE(height, 28);
  } else if (kind === 'VP8L') {
    file.writeUInt32LE((width - 1) | ((height - 1) << 14), 21);
  } else {
    file.writeUIntLE(width - 1, 24, 3);
    file.writeUIntLE(height - 1, 27, 3);
  }
  return file;
}

/** @param packed whether its objects are compressed, as those of current writers are */
export function pdf(pages: number, packed = false): Buffer {
  const kids = Array.from({ length: pages }, (_, page) => `${page + 10} 0 R`).join(' ');
  const leaves = Array.from(
    { length: pages },
    (_, page) => `${page + 10} 0 obj\n<< /Type /Page >>\nendobj\n`,
  );
  const objects = `2 0 obj\n<< /Type /Pages /Kids [${kids}] /Count ${pages} >>\nendobj\n${leaves.join('')}`;
  if (!packed) return Buffer.from(`%PDF-1.4\n${objects}%%EOF`);
  const stream = deflateSync(objects);
  return Buffer.concat([
    Buffer.from('%PDF-1.7\n5 0 obj\n<< /Type /ObjStm /N 9 /Filter /FlateDecode >>\nstream\r\n'),
    stream,
    Buffer.from('\nendstream\nendobj\n%%EOF'),
  ]);
}

export function wav(seconds: number, samplesASecond = 16_000): Buffer {
  const file = Buffer.alloc(44 + seconds * samplesASecond * 2);
  file.write('RIFF....WAVEfmt ', 'latin1');
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(samplesASecond, 24);
  file.writeUInt16LE(16, 34);
  return file;
}

/** Frames of 128 kbit/s and 44.1 kHz, 417 bytes and 26 ms each. */
export function mp3(frames: number): Buffer {
  const file = Buffer.alloc(frames * 417);
  for (let frame = 0; frame < frames; frame += 1) file.writeUInt32BE(0xfffb9000, frame * 417);
  return file;
}

export const image = (bytes: Buffer | string, detail?: string) => ({
  type: 'image_url',
  image_url: {
    url: typeof bytes === 'string' ? bytes : `data:image/png;base64,${bytes.toString('base64')}`,
    ...(detail === undefined ? {} : { detail }),
  },
});
export const sound = (bytes: Buffer, format = 'wav') => ({
  type: 'input_audio',
  input_audio: { data: bytes.toString('base64'), format },
});
export const file = (bytes: Buffer, type = 'application/pdf') => ({
  type: 'file',
  file: { filename: 'a.pdf', file_data: `data:${type};base64,${bytes.toString('base64')}` },
});
