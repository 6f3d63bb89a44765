import OpenAI from 'openai';
import { describeOpenAiNode } from './openai-node.js';

describeOpenAiNode('openai', OpenAI);
