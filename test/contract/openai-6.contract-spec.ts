import type OpenAI from 'openai';
import OpenAI6 from 'openai-6';
import { describeOpenAiNode } from './openai-node.js';

// What the promises use of version 6 has the types of the current one.
describeOpenAiNode('openai-6', OpenAI6 as unknown as typeof OpenAI);
