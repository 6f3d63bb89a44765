/**
 * What stands between a door and an upstream that do not speak one protocol: N doors and M protocols of upstreams need
 * N + M converters. Interfaces only: the doors that need them come later.
 * @see docs/adr/0025-one-record-and-the-upstream-port.md
 */
import type { Protocol } from '../contracts/protocol.js';

/** A body or an event of a protocol, as it came from the other side. */
export type NativeValue = Readonly<Record<string, unknown>>;

/** What a part carries of the protocol that it came from, given back to that protocol and to no other. */
export type Opaque = Readonly<Partial<Record<Protocol, NativeValue>>>;

interface Part {
  readonly opaque?: Opaque;
}

/** Data or where it lies. */
export type Source =
  | { readonly kind: 'bytes'; readonly base64: string }
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'id'; readonly id: string };

export interface TextPart extends Part {
  readonly type: 'text';
  readonly text: string;
  readonly annotations?: readonly NativeValue[];
}

export interface MediaPart extends Part {
  readonly type: 'image' | 'audio' | 'file';
  readonly mediaType: string;
  readonly source: Source;
  readonly filename?: string;
}

export interface ReasoningPart extends Part {
  readonly type: 'reasoning';
  readonly text: string;
  readonly summary?: readonly string[];
  /** Of the vendor that made it, by which it knows its own thoughts again. */
  readonly signature?: string;
}

export interface ToolCallPart extends Part {
  readonly type: 'tool-call';
  readonly id: string;
  readonly name: string;
  /** `function`: JSON text; `custom`: any text; `provider`: run by the upstream itself. */
  readonly kind: 'function' | 'custom' | 'provider';
  readonly input: string;
}

export interface ToolResultPart extends Part {
  readonly type: 'tool-result';
  readonly callId: string;
  readonly content: readonly (TextPart | MediaPart)[];
  readonly isError: boolean;
}

export interface RefusalPart extends Part {
  readonly type: 'refusal';
  readonly text: string;
}

export type NeutralPart = TextPart | MediaPart | ReasoningPart | ToolCallPart | ToolResultPart | RefusalPart;

export interface NeutralMessage {
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  readonly parts: readonly NeutralPart[];
  readonly opaque?: Opaque;
}

export interface NeutralRequest {
  readonly model: string;
  readonly messages: readonly NeutralMessage[];
  /** Of all choices together; `undefined`: no limit is named. */
  readonly maxOutputTokens: number | undefined;
  readonly opaque?: Opaque;
}

/** Why an answer ended: in our words, and in the vendor's own. */
export interface Finish {
  readonly reason: 'stop' | 'length' | 'tool-calls' | 'content-filter' | 'error' | 'other';
  readonly vendorReason: string | undefined;
}

/** A stream of an answer. An answer in one piece is the parts that its events build. */
export type NeutralEvent =
  | { readonly type: 'part-start'; readonly index: number; readonly part: NeutralPart }
  /** Goes on with the part's text or input. */
  | { readonly type: 'part-delta'; readonly index: number; readonly delta: string }
  | { readonly type: 'part-end'; readonly index: number; readonly opaque?: Opaque }
  /** As it was reported, not yet believed. */
  | { readonly type: 'usage'; readonly reported: unknown }
  | { readonly type: 'finish'; readonly finish: Finish };

/**
 * One protocol in neutral words, both ways. Pure: no I/O, no money, no configuration. What the other side cannot say is
 * refused by name or left out by a written rule.
 */
export interface ProtocolConverter {
  readonly protocol: Protocol;
  toNeutral(body: NativeValue): NeutralRequest;
  fromNeutral(request: NeutralRequest): NativeValue;
  /** Stateful, one an answer. @returns takes events of the protocol one after the other */
  readEvents(): (event: NativeValue) => readonly NeutralEvent[];
  writeEvents(): (event: NeutralEvent) => readonly NativeValue[];
}
