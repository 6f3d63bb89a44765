import type OpenAI from 'openai';
import OpenAI5 from 'openai-5';
import { describeOpenAiNode } from './openai-node.js';

// What the promises use of version 5 has the types of the current one.
describeOpenAiNode('openai-5', OpenAI5 as unknown as typeof OpenAI);
