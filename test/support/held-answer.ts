import { controlled, type ControlledReply, type Reply } from './fake-upstream-replies.js';
import { chatAnswer, chatChunks } from './fake-upstream-wire.js';

/** An upstream's good answer to a chat, streamed or whole, that comes when the test lets it. */
export class HeldAnswer {
  private readonly live: ControlledReply;

  constructor(
    private readonly stream: boolean,
    private readonly content = 'Hello there!',
  ) {
    this.live = controlled({ 'content-type': stream ? 'text/event-stream' : 'application/json' });
  }

  get reply(): Reply {
    return this.live.reply;
  }

  /** Resolves when the request is there. */
  async asked(): Promise<void> {
    await this.live.opened;
  }

  /** Of a stream: says so many of its chunks. */
  async begin(chunks: number): Promise<void> {
    for (const chunk of chatChunks(this.content).slice(0, chunks)) await this.live.event(chunk);
  }

  /** @param begun how many chunks were said before */
  async end(begun = 0): Promise<void> {
    if (!this.stream)
      return (await this.live.opened).end(JSON.stringify(chatAnswer({ content: this.content })));
    for (const chunk of chatChunks(this.content).slice(begun)) await this.live.event(chunk);
    return this.live.end();
  }
}
