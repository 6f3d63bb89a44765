/** No speech that anybody sends has fewer bytes a second (8 kbit). */
const LEAST_BYTES_A_SECOND = 1_000;

const PCM = 1;
const FLOAT = 3;
const EXTENSIBLE = 0xfffe;

/**
 * How long a sound is at most: by its header where it is a WAV without compression, frame by frame where it is MP3. What
 * cannot be read counts as the longest that its bytes can be.
 */
export function soundSeconds(file: Buffer): number {
  return wavSeconds(file) ?? mp3Seconds(file);
}

export function secondsByBytes(bytes: number): number {
  return bytes / LEAST_BYTES_A_SECOND;
}

/** By the bytes that are there, not by what the header says of them. @see RFC 2361, and Microsoft's WAVEFORMATEX */
function wavSeconds(file: Buffer): number | undefined {
  if (file.length < 44 || file.toString('latin1', 0, 4) !== 'RIFF') return undefined;
  if (file.toString('latin1', 8, 16) !== 'WAVEfmt ') return undefined;
  const format = file.readUInt16LE(20);
  if (format !== PCM && format !== FLOAT && format !== EXTENSIBLE) return undefined;
  const channels = file.readUInt16LE(22);
  const samplesASecond = file.readUInt32LE(24);
  const bits = file.readUInt16LE(34);
  const likely = channels >= 1 && channels <= 8 && samplesASecond >= 4_000 && samplesASecond <= 192_000;
  if (!likely || bits < 8 || bits > 64) return undefined;
  return file.length / (samplesASecond * channels * Math.ceil(bits / 8));
}

/** kbit/s by version (1, 2), layer (I, II, III) and index. @see ISO/IEC 11172-3, 13818-3 */
const BITRATES: readonly (readonly (readonly number[])[])[] = [
  [
    [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
    [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
    [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  ],
  [
    [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
  ],
];
const SAMPLE_RATES = [44_100, 48_000, 32_000];

/** More than half an hour of the common ones. */
const MOST_FRAMES = 100_000;

/** Between frames there is nothing but tags. */
const MOST_SKIPPED_BYTES = 2 * 1_024 * 1_024;

/** One look at each frame; bytes that are in none count by `secondsByBytes`. */
function mp3Seconds(file: Buffer): number {
  let seconds = 0;
  let skipped = 0;
  let frames = 0;
  let at = id3Length(file);
  while (at + 4 <= file.length && frames < MOST_FRAMES && skipped < MOST_SKIPPED_BYTES) {
    const frame = file[at] === 0xff ? frameAt(file, at) : undefined;
    if (frame === undefined) {
      skipped += 1;
      at += 1;
      continue;
    }
    frames += 1;
    seconds += frame.seconds;
    at += frame.bytes;
  }
  return seconds + secondsByBytes(skipped + Math.max(0, file.length - at));
}

/** A tag at the beginning (titles, a cover), of a length that is there. */
function id3Length(file: Buffer): number {
  if (file.length < 10 || file.toString('latin1', 0, 3) !== 'ID3') return 0;
  let length = 10;
  for (let at = 6; at < 10; at += 1) length += ((file[at] as number) & 0x7f) << (7 * (9 - at));
  // A tag that is nearly all of it is no tag.
  return length <= file.length / 2 ? length : 0;
}

interface Frame {
  readonly seconds: number;
  readonly bytes: number;
}

/** By the eleven bits of a header that tell them, from version to sample rate. */
const FRAMES: readonly (Frame | undefined)[] = Array.from({ length: 2_048 }, (_, bits) =>
  frameOf(bits << 10),
);

function frameAt(file: Buffer, at: number): Frame | undefined {
  const header = file.readUInt32BE(at);
  return header >>> 21 === 0x7ff ? FRAMES[(header >>> 10) & 0x7ff] : undefined;
}

function frameOf(header: number): Frame | undefined {
  const versionBits = (header >>> 19) & 3;
  const layer = 4 - ((header >>> 17) & 3);
  const rateIndex = (header >>> 10) & 3;
  if (versionBits === 1 || layer === 4 || rateIndex === 3) return undefined;
  const version = versionBits === 3 ? 1 : 2;
  const kbits = BITRATES[version - 1]?.[layer - 1]?.[(header >>> 12) & 15] ?? 0;
  if (kbits === 0) return undefined;
  const rate = (SAMPLE_RATES[rateIndex] as number) / (versionBits === 3 ? 1 : versionBits === 2 ? 2 : 4);
  const samples = layer === 1 ? 384 : layer === 3 && version === 2 ? 576 : 1_152;
  const bytes = Math.max(24, Math.floor(((samples / 8) * kbits * 1_000) / rate));
  return { seconds: samples / rate, bytes };
}
