import type { UpstreamError } from '../../upstream.errors.js';
import * as failures from './failures.js';
import type { SandboxUpstreamModel } from './sandbox.models.js';

/** What sets one sandbox model apart from the next. */
export interface Behaviour {
  /** What it says: words about the conversation, the user's own, none, or a refusal. */
  readonly voice: 'chat' | 'echo' | 'empty' | 'refusal';
  readonly reasons: boolean;
  readonly reportsUsage: boolean;
  /** Pauses before every token. */
  readonly slow: boolean;
  readonly fault: Fault | undefined;
}

export interface Fault {
  /** Before the first event, after some tokens, or where the finish reason would stand. */
  readonly at: 'start' | 'midway' | 'finish';
  /** An error, or silence until the caller's patience ends. */
  readonly how: 'silence' | (() => UpstreamError);
}

/** @throws UpstreamError `upstream_rejected_request` for a model that the sandbox does not have */
export function getBehaviour(model: string): Behaviour {
  if (!Object.hasOwn(BEHAVIOURS, model)) throw failures.unknownModel();
  return BEHAVIOURS[model as SandboxUpstreamModel];
}

const CHAT: Behaviour = { voice: 'chat', reasons: false, reportsUsage: true, slow: false, fault: undefined };

const BEHAVIOURS: Readonly<Record<SandboxUpstreamModel, Behaviour>> = {
  chat: CHAT,
  echo: { ...CHAT, voice: 'echo' },
  reasoner: { ...CHAT, reasons: true },
  slow: { ...CHAT, slow: true },
  'error-400': { ...CHAT, fault: { at: 'start', how: failures.badRequest } },
  'error-429': { ...CHAT, fault: { at: 'start', how: failures.rateLimited } },
  'error-500': { ...CHAT, fault: { at: 'start', how: failures.internalError } },
  'error-503': { ...CHAT, fault: { at: 'start', how: failures.overloaded } },
  timeout: { ...CHAT, fault: { at: 'start', how: 'silence' } },
  disconnect: { ...CHAT, fault: { at: 'midway', how: failures.disconnected } },
  stall: { ...CHAT, fault: { at: 'midway', how: 'silence' } },
  empty: { ...CHAT, voice: 'empty' },
  refusal: { ...CHAT, voice: 'refusal' },
  'no-usage': { ...CHAT, reportsUsage: false },
  truncated: { ...CHAT, fault: { at: 'finish', how: failures.withoutFinish } },
};
