import { ApiProperty } from '@nestjs/swagger';

/** What the account of the calling key has. Credits, at most two decimals. */
export class Credits {
  @ApiProperty({ enum: ['credits'] })
  object!: 'credits';

  @ApiProperty({ example: 997.25, description: 'Everything that came in, less everything that was used.' })
  balance!: number;

  @ApiProperty({ example: 0.75, description: 'The part of `balance` set aside for requests under way.' })
  held!: number;

  @ApiProperty({ example: 996.5, description: '`balance` less `held`: what the next request may cost.' })
  available!: number;

  @ApiProperty({ example: 2.75, description: 'What all requests of the account have cost so far.' })
  total_used!: number;
}
