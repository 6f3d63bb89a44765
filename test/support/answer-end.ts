import type { Seen } from './invariants.js';

export interface AnswerEnd {
  readonly status: number;
  readonly text: string;
  readonly seen: Seen;
}

/** Reads an answer to its end and says how that was. */
export async function endOf(response: Response): Promise<AnswerEnd> {
  const text = await response.text();
  const requestId = response.headers.get('x-request-id') ?? '';
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
  if (response.status !== 200) return { status: response.status, text, seen: { requestId, end: 'refused' } };
  const whole = isStream ? text.includes('\ndata: [DONE]\n\n') : true;
  return { status: 200, text, seen: { requestId, end: whole ? 'whole' : 'partial' } };
}
