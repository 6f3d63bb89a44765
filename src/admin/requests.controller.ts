import { Get, Param } from '@nestjs/common';
import { RequestStoriesService } from '../accounts/request-stories.service.js';
import type { RequestStory } from '../contracts/accounts/request-story.dto.js';
import { AdminRoute } from './admin-route.decorator.js';

@AdminRoute('requests')
export class RequestsController {
  constructor(private readonly stories: RequestStoriesService) {}

  @Get(':id')
  get(@Param('id') id: string): Promise<RequestStory> {
    return this.stories.get(id);
  }
}
