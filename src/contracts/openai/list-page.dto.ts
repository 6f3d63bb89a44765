import { ApiProperty } from '@nestjs/swagger';

/** A page of one of OpenAI's lists, without its entries (`data`). */
export abstract class ListPage {
  @ApiProperty({ enum: ['list'] })
  object!: 'list';

  @ApiProperty({ type: String, nullable: true, description: '`null`: the page is empty.' })
  first_id!: string | null;

  @ApiProperty({ type: String, nullable: true, description: 'To be sent as `after` for what follows.' })
  last_id!: string | null;

  @ApiProperty()
  has_more!: boolean;
}
