import type { ServerResponse } from 'node:http';
import { FakeVendor, openStream, sendJson, type Responder, type SeenRequest } from './fake-vendor.js';

export const GEMINI_KEY = 'AIzaFakeFakeFakeFakeFakeFakeFakeFake';

type Part = Record<string, unknown>;

export interface FakeCandidate {
  parts: Part[];
  finishReason: string;
  usageMetadata: Record<string, unknown>;
}

const HELLO: FakeCandidate = {
  parts: [{ text: 'Hello ' }, { text: 'there.' }],
  finishReason: 'STOP',
  usageMetadata: { promptTokenCount: 12, candidatesTokenCount: 5, totalTokenCount: 17 },
};

/**
 * Gemini's generateContent and streamGenerateContent: checks the key, and says one candidate either whole or one part an
 * event, as `alt=sse` does.
 * @see https://ai.google.dev/api/generate-content
 */
export class FakeGemini extends FakeVendor {
  get baseUrl(): string {
    return `${this.origin}/v1beta`;
  }

  protected override respond(request: SeenRequest, response: ServerResponse): void {
    if (request.headers['x-goog-api-key'] !== GEMINI_KEY) {
      const message = 'API key not valid. Please pass a valid API key.';
      sendGeminiError(response, 400, 'INVALID_ARGUMENT', message);
    } else {
      say(request, response, HELLO);
    }
  }
}

/** Answers with this candidate, whole or streamed as the path asks. */
export function geminiCandidate(candidate: Partial<FakeCandidate>): Responder {
  return (request, response) => say(request, response, { ...HELLO, ...candidate });
}

export function sendGeminiError(
  response: ServerResponse,
  status: number,
  name: string,
  message: string,
  details: unknown[] = [],
): void {
  sendJson(response, status, { error: { code: status, message, status: name, details } });
}

export function geminiFailure(
  status: number,
  name: string,
  message: string,
  details: unknown[] = [],
): Responder {
  return (_, response) => sendGeminiError(response, status, name, message, details);
}

/** One event in Gemini's form, CRLF and all. */
export function geminiEvent(data: unknown): string {
  return `data: ${JSON.stringify(data)}\r\n\r\n`;
}

export function geminiChunk(
  parts: Part[],
  more: Record<string, unknown> = {},
  finishReason?: string,
): string {
  const candidate = { content: { parts, role: 'model' }, index: 0, ...(finishReason && { finishReason }) };
  return geminiEvent({
    candidates: [candidate],
    modelVersion: 'gemini-2.5-flash',
    responseId: 'r1',
    ...more,
  });
}

function say(request: SeenRequest, response: ServerResponse, candidate: FakeCandidate): void {
  const { parts, finishReason, usageMetadata } = candidate;
  if (!request.path.endsWith(':streamGenerateContent?alt=sse')) {
    const content = { parts, role: 'model' };
    sendJson(response, 200, {
      candidates: [{ content, finishReason, index: 0 }],
      usageMetadata,
      responseId: 'r1',
    });
    return;
  }
  openStream(response);
  for (const [index, part] of parts.entries()) {
    const last = index === parts.length - 1;
    response.write(geminiChunk([part], { usageMetadata }, last ? finishReason : undefined));
  }
  response.end();
}
