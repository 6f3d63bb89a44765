import type { Clock } from '../common/clock/clock.js';
import type { UpstreamConfig } from '../config/app-config.js';
import type { LogService } from '../observability/log.service.js';
import { AiSdkAdapter } from './providers/ai-sdk/adapter.js';
import { VENDORS } from './providers/ai-sdk/vendors.js';
import { OpenAiAdapter } from './providers/openai/openai.adapter.js';
import { SandboxAdapter } from './providers/sandbox/sandbox.adapter.js';
import type { UpstreamAdapter } from './upstream.port.js';

/** The adapter for a configured upstream: the one place that knows which protocol is spoken by whom. */
export function createAdapter(config: UpstreamConfig, clock: Clock, log: LogService): UpstreamAdapter {
  const onUnknownFinishReason = (reason: string): void =>
    log.warn({ upstream: config.name, finish_reason: reason }, 'unknown finish reason taken for "stop"');
  switch (config.protocol) {
    case 'sandbox':
      return new SandboxAdapter();
    case 'openai':
      return new OpenAiAdapter(config, { nowMs: () => clock.nowMs(), onUnknownFinishReason });
    case 'anthropic':
    case 'google':
      return new AiSdkAdapter(VENDORS[config.protocol], config, clock, { onUnknownFinishReason });
  }
}
