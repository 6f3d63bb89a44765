import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';

/** Names this process in the holds that it opens: another life of the same program is another owner. */
@Injectable()
export class ProcessIdentityService {
  readonly id = `proc_${randomUUID()}`;
}
