import type OpenAI from 'openai';
import OpenAI4 from 'openai-4';
import { describeOpenAiNode } from './openai-node.js';

// What the promises use of version 4 has the types of the current one.
describeOpenAiNode('openai-4', OpenAI4 as unknown as typeof OpenAI);
