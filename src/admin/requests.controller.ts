import { Get, Param } from '@nestjs/common';
import { ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import { RequestStoriesService } from '../accounts/request-stories.service.js';
import { RequestStory } from '../contracts/accounts/request-story.dto.js';
import { AdminRoute } from './admin-route.decorator.js';

@AdminRoute('requests')
export class RequestsController {
  constructor(private readonly stories: RequestStoriesService) {}

  @Get(':id')
  @ApiOperation({ operationId: 'retrieveAnyRequest', summary: 'Tell the whole story of a request' })
  @ApiOkResponse({ type: RequestStory, description: 'All that is known of it' })
  get(@Param('id') id: string): Promise<RequestStory> {
    return this.stories.get(id);
  }
}
