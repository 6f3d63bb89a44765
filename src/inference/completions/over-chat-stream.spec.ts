import { describe, expect, it } from '@jest/globals';
import { firstValueFrom, Observable, of, Subject, toArray } from 'rxjs';
import { FlowGate } from '../../streaming/flow-gate.js';
import { UpstreamError } from '../../upstreams/upstream.errors.js';
import type { ChatChunk } from '../../upstreams/upstream.port.js';
import {
  callOf,
  delta,
  neverStreams,
  promptOf,
  stream,
  streaming,
  turn,
  usage,
} from '../../../test/support/chat-only-upstream.js';
import { streamOverChat } from './over-chat.js';

/** Streams that do not end by themselves; `open` has those that are subscribed to, by prompt. */
function hanging() {
  const open = new Map<string, Subject<ChatChunk>>();
  const flows = new Set<FlowGate>();
  const upstream = streaming((request, flow) => {
    flows.add(flow);
    return new Observable((subscriber) => {
      const subject = new Subject<ChatChunk>();
      open.set(promptOf(request), subject);
      subject.subscribe(subscriber);
      return () => open.delete(promptOf(request));
    });
  });
  return { upstream, open, flows };
}

describe('streamOverChat', () => {
  it('case 89: indices are prompt-major, choices take turns, and each keeps its order', async () => {
    const upstreams = new Map<string, Subject<ChatChunk>>();
    const upstream = streaming((request) => {
      const subject = new Subject<ChatChunk>();
      upstreams.set(promptOf(request), subject);
      return subject;
    });
    const seen: [number, string][] = [];
    const completed = Promise.withResolvers<void>();
    streamOverChat(upstream, callOf({ prompt: ['a', 'b'], n: 2 }), new FlowGate()).subscribe({
      next: ({ choices }) => seen.push(...choices.map(({ index, text }): [number, string] => [index, text])),
      error: completed.reject,
      complete: completed.resolve,
    });
    await turn();
    const [a, b] = [upstreams.get('a'), upstreams.get('b')];
    b?.next(delta(1, { content: 'b1' }));
    expect(seen).toEqual([[3, 'b1']]);
    a?.next(delta(0, { content: 'a0' }));
    a?.next(delta(1, { content: 'a1' }));
    b?.next(delta(1, { content: 'more' }, 'stop'));
    b?.next(delta(0, { content: 'b0' }, 'stop'));
    a?.next(delta(0, {}, 'stop'));
    a?.next(delta(1, {}, 'stop'));
    expect(seen).toEqual([
      [3, 'b1'],
      [0, 'a0'],
      [1, 'a1'],
      [3, 'more'],
      [3, ''],
      [2, 'b0'],
      [2, ''],
      [0, ''],
      [1, ''],
    ]);
    a?.complete();
    b?.complete();
    await completed.promise;
  });

  it('emits usage once, as the sum of what each call reported last', async () => {
    const upstream = streaming(() =>
      of(
        { ...delta(0, { content: 'x' }), usage: usage(9, 1) },
        { ...delta(0, {}, 'stop'), usage: null },
        { choices: [], usage: usage(10, 2) },
      ),
    );
    const chunks = await stream(upstream, { prompt: ['a', 'b', 'c', 'd', 'e'] });
    expect(chunks.filter((chunk) => chunk.usage !== undefined)).toEqual([chunks.at(-1)]);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: usage(50, 10) });
  });

  it('emits no usage where a call reported none', async () => {
    const upstream = streaming((request) => {
      const said = delta(0, { content: 'x' }, 'stop');
      return of(promptOf(request) === 'a' ? { ...said, usage: usage(1, 1) } : said);
    });
    const chunks = await stream(upstream, { prompt: ['a', 'b'] });
    expect(chunks.every(({ choices }) => choices.length === 1)).toBe(true);
  });

  it('max_tokens 0 with echo streams the prompts and calls nobody', async () => {
    const upstream = streaming(neverStreams);
    const chunks = await stream(upstream, { prompt: ['a', 'b'], max_tokens: 0, echo: true });
    expect(upstream.calls).toEqual([]);
    expect(chunks.flatMap(({ choices }) => choices)).toMatchObject([
      { index: 0, text: 'a', echoedChars: 1, finish_reason: null },
      { index: 0, text: '', finish_reason: 'length' },
      { index: 1, text: 'b', echoedChars: 1, finish_reason: null },
      { index: 1, text: '', finish_reason: 'length' },
    ]);
  });

  it('refuses unknown token ids before the first chunk', async () => {
    await expect(stream(streaming(neverStreams), { prompt: [[1], [-1]] })).rejects.toMatchObject({
      code: 'upstream_rejected_request',
    });
  });

  describe('with calls that do not end by themselves', () => {
    const prompts = ['a', 'b', 'c', 'd', 'e', 'f'];

    it('begins four at a time, the next when one ends, all at the same gate', async () => {
      const { upstream, open, flows } = hanging();
      const flow = new FlowGate();
      const subscription = streamOverChat(upstream, callOf({ prompt: prompts }), flow).subscribe();
      await turn();
      expect([...open.keys()]).toEqual(['a', 'b', 'c', 'd']);
      open.get('b')?.next(delta(0, {}, 'stop'));
      open.get('b')?.complete();
      expect([...open.keys()]).toEqual(['a', 'c', 'd', 'e']);
      expect([...flows]).toEqual([flow]);
      subscription.unsubscribe();
    });

    it('K2: unsubscribing ends all of them at once and begins no other', async () => {
      const { upstream, open } = hanging();
      const subscription = streamOverChat(upstream, callOf({ prompt: prompts }), new FlowGate()).subscribe();
      await turn();
      subscription.unsubscribe();
      expect(open.size).toBe(0);
      await turn();
      expect(upstream.calls).toHaveLength(4);
    });

    it('one that fails ends the others and is the failure of all', async () => {
      const { upstream, open } = hanging();
      const failure = firstValueFrom(
        streamOverChat(upstream, callOf({ prompt: prompts }), new FlowGate()).pipe(toArray()),
      );
      await turn();
      open.get('c')?.error(new UpstreamError('upstream_timeout', 'too slow'));
      expect(open.size).toBe(0);
      await expect(failure).rejects.toMatchObject({ code: 'upstream_timeout' });
      expect(upstream.calls).toHaveLength(4);
    });

    it('is cold: nothing is called before somebody subscribes', async () => {
      const { upstream } = hanging();
      streamOverChat(upstream, callOf({ prompt: prompts }), new FlowGate());
      await turn();
      expect(upstream.calls).toEqual([]);
    });
  });
});
